/* Downloads from a server of our own, checksums against coreutils, archives, and the search for files. */
#include "data/fetch.h"
#include "test.h"
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- A server on 127.0.0.1, one request per connection ------------------------------------------------
 * /good: the content, ranges supported. /drop: half of the content, then the connection ends. /plain: the
 * content, ranges ignored. /wrong: other content of the same length. /file/NAME: a file of `folder`. Anything
 * else: 404. As a proxy it is asked for whole addresses and answers by their path. */
enum { CONTENT = 300000 };
static struct {
    int listener;
    uint16_t port;
    pthread_t thread;
    char content[CONTENT], folder[128];
    char last[2048]; /* the last request; read after the transfer has ended */
    int requests;
} server;

static void answer(int client, const char *status, const char *extra, const char *body, size_t size,
                   size_t sent)
{
    char head[512];
    const int length =
        snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%sConnection: close\r\n\r\n",
                 status, size, extra);
    if (send(client, head, (size_t)length, MSG_NOSIGNAL) < 0) return;
    for (size_t done = 0; done < sent;) {
        const ssize_t now = send(client, body + done, sent - done, MSG_NOSIGNAL);
        if (now <= 0) return;
        done += (size_t)now;
    }
}

static void answer_content(int client, bool ranges)
{
    const char *range = strcasestr(server.last, "\r\nRange: bytes=");
    const size_t from = range && ranges ? (size_t)atoll(range + 15) : 0;
    char extra[128] = "";
    if (from >= CONTENT) {
        answer(client, "416 Range Not Satisfiable", "", "", 0, 0);
        return;
    }
    if (from > 0)
        snprintf(extra, sizeof extra, "Content-Range: bytes %zu-%d/%d\r\n", from, CONTENT - 1, CONTENT);
    answer(client, from > 0 ? "206 Partial Content" : "200 OK", extra, server.content + from, CONTENT - from,
           CONTENT - from);
}

static void answer_file(int client, const char *name)
{
    char path[300], *bytes = malloc(1 << 20);
    snprintf(path, sizeof path, "%s/%s", server.folder, name);
    FILE *stream = fopen(path, "rb");
    const size_t size = stream ? fread(bytes, 1, 1 << 20, stream) : 0;
    answer(client, stream ? "200 OK" : "404 Not Found", "", bytes, size, size);
    if (stream) fclose(stream);
    free(bytes);
}

static void serve_one(int client)
{
    size_t used = 0;
    while (used + 1 < sizeof server.last) {
        const ssize_t got = recv(client, server.last + used, sizeof server.last - 1 - used, 0);
        if (got <= 0) break;
        used += (size_t)got;
        server.last[used] = '\0';
        if (strstr(server.last, "\r\n\r\n")) break;
    }
    server.last[used] = '\0';
    server.requests++;
    char path[256] = "";
    sscanf(server.last, "GET %255s", path);
    const char *name = strncmp(path, "http://", 7) == 0 ? strchr(path + 7, '/') : path;
    if (!name) return;
    static char wrong[CONTENT];
    memset(wrong, 'w', sizeof wrong);
    if (strcmp(name, "/good") == 0)
        answer_content(client, true);
    else if (strcmp(name, "/plain") == 0)
        answer_content(client, false);
    else if (strcmp(name, "/drop") == 0)
        answer(client, "200 OK", "", server.content, CONTENT, CONTENT / 2);
    else if (strcmp(name, "/wrong") == 0)
        answer(client, "200 OK", "", wrong, CONTENT, CONTENT);
    else if (strncmp(name, "/file/", 6) == 0)
        answer_file(client, name + 6);
    else
        answer(client, "404 Not Found", "", "", 0, 0);
}

static void *serve(void *unused)
{
    for (;;) {
        const int client = accept(server.listener, NULL, NULL);
        if (client < 0) return unused;
        serve_one(client);
        close(client);
    }
}

/* The environment that the tests change, as it was. */
static const char *const variables[] = {"http_proxy", "https_proxy", "all_proxy",     "no_proxy",
                                        "NO_PROXY",   "UFMLAB_DATA", "XDG_DATA_HOME", "PATH"};
enum { VARIABLES = sizeof variables / sizeof variables[0] };
static char *kept[VARIABLES];

static void begin(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    char home[128];
    for (int v = 0; v < VARIABLES; v++) {
        const char *value = getenv(variables[v]);
        kept[v] = value ? strdup(value) : NULL;
        if (v < VARIABLES - 1) unsetenv(variables[v]);
    }
    test_directory(home, sizeof home);
    setenv("XDG_DATA_HOME", home, 1);
    for (int i = 0; i < CONTENT; i++) server.content[i] = (char)(ufm_seed_derive(5, (uint64_t)i) & 255);
    server.requests = 0;
    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    if (server.listener < 0 || bind(server.listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(server.listener, 8) != 0 ||
        getsockname(server.listener, (struct sockaddr *)&address, &length) != 0 ||
        pthread_create(&server.thread, NULL, serve, NULL) != 0)
        abort();
    server.port = ntohs(address.sin_port);
}

static void end(void)
{
    shutdown(server.listener, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.listener);
    for (int v = 0; v < VARIABLES; v++) {
        if (kept[v])
            setenv(variables[v], kept[v], 1);
        else
            unsetenv(variables[v]);
        free(kept[v]);
    }
}

/* "good drop" into the server's addresses. */
static const char *addresses(const char *names)
{
    static char text[1024];
    char copy[256], *rest = copy;
    text[0] = '\0';
    snprintf(copy, sizeof copy, "%s", names);
    for (char *name; (name = strtok_r(NULL, " ", &rest));)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%shttp://127.0.0.1:%d/%s",
                 *text ? " " : "", server.port, name);
    return text;
}

/* What coreutils' TOOL says of a file; the independent route for checksums. */
static void sum_of(const char *tool, const char *path, char text[65])
{
    char command[300];
    snprintf(command, sizeof command, "%s < '%s'", tool, path);
    FILE *stream = popen(command, "r");
    text[0] = '\0';
    if (!stream || fscanf(stream, "%64s", text) != 1) CU_FAIL("no checksum");
    if (stream) pclose(stream);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void write_content(const char *path, const char *bytes, size_t size)
{
    FILE *stream = fopen(path, "wb");
    if (!stream || fwrite(bytes, 1, size, stream) != size || fclose(stream) != 0) abort();
}

static bool holds_content(const char *path)
{
    static char bytes[CONTENT + 1];
    FILE *stream = fopen(path, "rb");
    const size_t size = stream ? fread(bytes, 1, sizeof bytes, stream) : 0;
    if (stream) fclose(stream);
    return size == CONTENT && memcmp(bytes, server.content, CONTENT) == 0;
}

typedef struct {
    char path[160], part[170], sha256[65];
    ufm_error error;
} target;

static target new_target(void)
{
    target t = {.error = {{0}}};
    char reference[128];
    snprintf(t.path, sizeof t.path, "%s", test_path(".bin"));
    snprintf(t.part, sizeof t.part, "%s.part", t.path);
    snprintf(reference, sizeof reference, "%s", test_path(".reference"));
    write_content(reference, server.content, CONTENT);
    sum_of("sha256sum", reference, t.sha256);
    return t;
}

static ufm_status load(target *t, const char *from)
{
    const data_download download = {.addresses = from, .sha256 = t->sha256, .md5 = "", .what = "a test"};
    return ufm_data_download(&download, t->path, &t->error);
}

/* ---- Downloads ---- */

static void test_resume(void)
{
    begin();
    target t = new_target();
    struct stat half;
    TEST(load(&t, addresses("drop")) == UFM_ERROR_IO && !exists(t.path));
    TEST(stat(t.part, &half) == 0 && half.st_size == CONTENT / 2);
    TEST_OK(load(&t, addresses("good")));
    TEST(strstr(server.last, "Range: bytes=150000-") != NULL);
    TEST(holds_content(t.path) && !exists(t.part));
    /* A server without ranges: from the beginning. A part that is already whole, or longer: likewise. */
    for (int n = 0; n < 3; n++) {
        target again = new_target();
        char longer[CONTENT + 100] = {0};
        memcpy(longer, server.content, CONTENT);
        write_content(again.part, longer, n == 0 ? CONTENT / 3 : n == 1 ? CONTENT : CONTENT + 100);
        TEST_OK(load(&again, addresses(n == 0 ? "plain" : "good")));
        TEST(holds_content(again.path) && !exists(again.part));
    }
    /* A part that began as another file. */
    target other = new_target();
    write_content(other.part, "something else", 14);
    TEST_OK(load(&other, addresses("good")));
    TEST(holds_content(other.path));
    end();
}

static void test_wrong_checksum(void)
{
    begin();
    target t = new_target();
    TEST(load(&t, addresses("wrong")) == UFM_ERROR_INPUT);
    TEST(strstr(t.error.text, "checksum") && strstr(t.error.text, t.sha256));
    TEST(!exists(t.path) && !exists(t.part));
    end();
}

static void test_mirrors(void)
{
    begin();
    target t = new_target();
    TEST_OK(load(&t, addresses("missing wrong drop good")));
    TEST(holds_content(t.path));
    target none = new_target();
    TEST(load(&none, addresses("missing")) == UFM_ERROR_IO && strstr(none.error.text, "404"));
    TEST(!exists(none.path) && !exists(none.part));
    char address[200], local[128];
    snprintf(local, sizeof local, "%s", test_path(".local"));
    write_content(local, server.content, CONTENT);
    snprintf(address, sizeof address, "file://%s", local);
    target file = new_target();
    TEST_OK(load(&file, address));
    TEST(holds_content(file.path));
    end();
}

static void test_proxy(void)
{
    begin();
    char proxy[64];
    target t = new_target();
    TEST(load(&t, "http://nowhere.invalid/good") == UFM_ERROR_IO && server.requests == 0);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", server.port);
    setenv("http_proxy", proxy, 1);
    TEST_OK(load(&t, "http://nowhere.invalid/good"));
    TEST(holds_content(t.path) && strncmp(server.last, "GET http://nowhere.invalid/good ", 32) == 0);
    end();
}

static bool stop_halfway(void *context, double fraction, const char *what)
{
    (void)what;
    (*(int *)context)++;
    return fraction < 0.5;
}

static void test_cancel(void)
{
    begin();
    target t = new_target();
    int calls = 0;
    const data_download download = {addresses("good"), t.sha256, "", "a test", CONTENT, stop_halfway, &calls};
    TEST(ufm_data_download(&download, t.path, &t.error) == UFM_ERROR_CANCELLED && calls > 0);
    TEST(!exists(t.path));
    TEST_OK(load(&t, addresses("good")));
    TEST(holds_content(t.path));
    end();
}

/* ---- Checksums and archives ---- */

static void test_digests(void)
{
    begin();
    for (int n = 0; n < 4; n++) {
        char plain[128], packed[160], command[300], sha256[65], md5[65];
        snprintf(plain, sizeof plain, "%s", test_path(".raw"));
        snprintf(packed, sizeof packed, "%s.gz", plain);
        write_content(plain, server.content + n, (size_t)(n == 0 ? 0 : n * 70000));
        snprintf(command, sizeof command, "gzip -k '%s'", plain);
        TEST(system(command) == 0);
        sum_of("sha256sum", plain, sha256);
        sum_of("md5sum", plain, md5);
        TEST_OK(ufm_digest_check(plain, false, sha256, md5, NULL));
        TEST_OK(ufm_digest_check(packed, true, sha256, md5, NULL));
        TEST_OK(ufm_digest_check(plain, true, sha256, "", NULL));
        TEST(ufm_digest_check(packed, false, sha256, "", NULL) == UFM_ERROR_INPUT);
        sha256[10] = sha256[10] == '0' ? '1' : '0';
        md5[3] = md5[3] == '0' ? '1' : '0';
        TEST(ufm_digest_check(plain, false, sha256, "", NULL) == UFM_ERROR_INPUT);
        TEST(ufm_digest_check(plain, false, "", md5, NULL) == UFM_ERROR_INPUT);
    }
    TEST(ufm_digest_check("/nonexistent", false, "00", "", NULL) == UFM_ERROR_IO);
    end();
}

/* An archive of what `script` makes in an empty directory; its path. */
static const char *make_archive(const char *script)
{
    static char path[160];
    char folder[128], command[800];
    test_directory(folder, sizeof folder);
    snprintf(path, sizeof path, "%s", test_path(".tar.gz"));
    snprintf(command, sizeof command, "cd '%s' && { %s; } | gzip > '%s'", folder, script, path);
    TEST(system(command) == 0);
    return path;
}

static void test_archives(void)
{
    char folder[128], inside[200];
    ufm_error error = {{0}};
    test_directory(folder, sizeof folder);
    TEST_OK(ufm_data_unpack(make_archive("mkdir -p a/b; echo hello > a/b/c; tar cf - a"), folder, NULL, NULL,
                            &error));
    snprintf(inside, sizeof inside, "%s/a/b/c", folder);
    TEST(exists(inside));
    static const char *const hostile[] = {"echo evil > x; tar cPf - --transform 's|^|../|' x",
                                          "echo evil > x; tar cPf - --transform 's|^|a/../../|' x",
                                          "echo evil > x; tar cPf - --transform 's|^|/tmp/ufmlab-evil-|' x",
                                          "ln -s /etc/passwd x; tar cf - x",
                                          "echo evil > x; ln x y; tar cf - x y",
                                          "mkfifo x; tar cf - x"};
    for (size_t h = 0; h < sizeof hostile / sizeof *hostile; h++) {
        test_directory(folder, sizeof folder);
        const ufm_status status = ufm_data_unpack(make_archive(hostile[h]), folder, NULL, NULL, &error);
        if (status != UFM_ERROR_INPUT) fprintf(stderr, "  %s: %s\n", hostile[h], ufm_status_text(status));
        CU_ASSERT(status == UFM_ERROR_INPUT);
        TEST(!exists("/tmp/ufmlab-evil-x"));
    }
    test_directory(folder, sizeof folder);
    TEST(ufm_data_unpack(make_archive("head -c 1000 /dev/zero | tr '\\0' x"), folder, NULL, NULL, &error) ==
         UFM_ERROR_INPUT);
    TEST(ufm_data_unpack(make_archive("head -c 100000 /dev/urandom > x; tar cf - x | head -c 50000"), folder,
                         NULL, NULL, &error) == UFM_ERROR_INPUT);
}

/* ---- Whole sets ---- */

/* A set of one file in an archive that the server has. */
static data_set small_set(const char *part_address, const char *file_sum)
{
    return (data_set){.name = "small",
                      .title = "Small",
                      .folder = "inner",
                      .system = "",
                      .advice = "the file things.bin",
                      .file = {{'t', "things.bin", file_sum, ""}},
                      .part = {{0, "small.tar.gz", 0, "", "", "", part_address}}};
}

static void test_sets(void)
{
    begin();
    char home[128], sum[65], reference[128], path[200];
    test_directory(home, sizeof home);
    test_directory(server.folder, sizeof server.folder);
    snprintf(reference, sizeof reference, "%s", test_file(".bin", "things\n"));
    sum_of("sha256sum", reference, sum);
    char command[600];
    snprintf(command, sizeof command, "cp '%s' '%s/small.tar.gz'",
             make_archive("mkdir inner; echo things > inner/things.bin; tar cf - inner"), server.folder);
    TEST(system(command) == 0);
    ufm_fetch_settings settings = {.data_dir = home};
    ufm_data_origin origin;
    ufm_error error = {{0}};
    /* Wrong content, then no server: nothing in place, and advice. */
    data_set set = small_set(addresses("file/small.tar.gz"), "00");
    TEST(ufm_data_fetch_set(&set, &settings, &origin, &error) == UFM_ERROR_INPUT);
    TEST(strstr(error.text, "checksum") && strstr(error.text, "the file things.bin"));
    snprintf(path, sizeof path, "%s/small", home);
    TEST(!exists(path));
    snprintf(command, sizeof command, "rm -rf '%s/.small.download'", home);
    TEST(system(command) == 0);
    set = small_set("http://127.0.0.1:1/small.tar.gz", sum);
    TEST(ufm_data_fetch_set(&set, &settings, &origin, &error) == UFM_ERROR_IO);
    TEST(strstr(error.text, "without a network put the file things.bin into") && strstr(error.text, "small"));
    TEST(test_entries(home) == 0);
    /* The right one, by way of a mirror. */
    char mirror[64];
    snprintf(mirror, sizeof mirror, "http://127.0.0.1:%d/file", server.port);
    settings.mirror = mirror;
    TEST_OK(ufm_data_fetch_set(&set, &settings, &origin, &error));
    snprintf(path, sizeof path, "%s/small/inner/things.bin", home);
    TEST(exists(path) && test_entries(home) == 1);
    /* Now it is here; a damaged file is seen. */
    const int requests = server.requests;
    TEST_OK(ufm_data_fetch_set(&set, &settings, &origin, &error));
    TEST(strstr(origin.text, "is here") && server.requests == requests);
    write_content(path, "other", 5);
    TEST(ufm_data_fetch_set(&set, &settings, &origin, &error) == UFM_ERROR_INPUT);
    end();
}

static void test_from(void)
{
    begin();
    char home[128], given[128], sum[65], path[200];
    test_directory(home, sizeof home);
    test_directory(given, sizeof given);
    ufm_data_origin origin;
    ufm_error error = {{0}};
    sum_of("sha256sum", test_file(".bin", "things\n"), sum);
    const data_set set = small_set("http://127.0.0.1:1/", sum);
    const ufm_fetch_settings settings = {.data_dir = home, .from = given};
    TEST(ufm_data_fetch_set(&set, &settings, &origin, &error) == UFM_ERROR_IO &&
         strstr(error.text, "things.bin"));
    snprintf(path, sizeof path, "%s/things.bin", given);
    write_content(path, "others\n", 7);
    TEST(ufm_data_fetch_set(&set, &settings, &origin, &error) == UFM_ERROR_INPUT && test_entries(home) == 0);
    write_content(path, "things\n", 7);
    TEST_OK(ufm_data_fetch_set(&set, &settings, &origin, &error));
    snprintf(path, sizeof path, "%s/small/things.bin", home);
    TEST(exists(path) && test_entries(home) == 1);
    end();
}

/* Every set has its files and a way to get them, and checksums have their lengths. */
static void test_registry(void)
{
    for (int s = 0; s < ufm_data_entries(); s++) {
        const data_set *set = ufm_data_set_at((data_set_id)s);
        TEST(ufm_data_set_find(set->name) == set && set->file[0].path && set->part[0].name);
        for (const data_file *f = set->file; f->path; f++) {
            TEST(f->half == 't' || f->half == 'e');
            TEST((!*f->sha256 || strlen(f->sha256) == 64) && (!*f->md5 || strlen(f->md5) == 32));
        }
        for (const data_part *p = set->part; p->name; p++)
            TEST((!*p->sha256 || strlen(p->sha256) == 64) && (!*p->md5 || strlen(p->md5) == 32) &&
                 p->bytes > 0 && strstr(p->addresses, "://"));
    }
    TEST(!ufm_data_set_find("mlab-mnist"));
}

/* Debian's package is genuine: its content has the registered checksums. */
static void test_fashion(void)
{
    ufm_data_entry entry;
    ufm_data_origin origin;
    ufm_error error = {{0}};
    ufm_images *images = NULL;
    ufm_data_describe(1, NULL, &entry);
    if (!entry.training_here || !entry.test_here) {
        printf(" [Fashion-MNIST is not here] ");
        return;
    }
    const ufm_fetch_settings settings = {0};
    TEST_OK(ufm_data_fetch("fashion", &settings, &origin, &error));
    TEST_OK(ufm_images_open("mlab-fashion", &(ufm_data_settings){.seed = 1}, &images, &origin, &error));
    if (!images) return;
    const ufm_labels *labels = ufm_images_labels(images);
    ufm_design *design = NULL;
    TEST(labels->columns == 40000 && labels->classes == 10 && ufm_images_shape(images).height == 56);
    TEST_OK(ufm_labels_to_design(labels, &design, &error));
    TEST(design && design->levels == 2 && design->per_tag_set[0] == 3100 && design->per_tag_set[1] == 200);
    ufm_design_free(design);
    ufm_images_free(images);
    images = NULL;
    TEST_OK(ufm_images_open("mlab-fashion", &(ufm_data_settings){.test = true}, &images, &origin, &error));
    TEST(images && ufm_images_labels(images)->columns == 10250);
    ufm_images_free(images);
}

static const test_case cases[] = {{"resume", test_resume},     {"wrong_checksum", test_wrong_checksum},
                                  {"mirrors", test_mirrors},   {"proxy", test_proxy},
                                  {"cancel", test_cancel},     {"digests", test_digests},
                                  {"archives", test_archives}, {"sets", test_sets},
                                  {"from", test_from},         {"registry", test_registry},
                                  {"fashion", test_fashion},   {NULL, NULL}};
const test_suite suite_fetch = {"fetch", cases};

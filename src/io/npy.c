/* NumPy's .npy files: one array of one or two dimensions. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <ufmlab/io.h>

enum { HEADER_MOST = 65536, PREFIX = 8 };

typedef enum { F4, F8, U1, I4, I8 } number_kind;
static const struct {
    const char *descr;
    number_kind kind;
    int64_t size;
} kinds[] = {{"'<f4'", F4, 4}, {"'<f8'", F8, 8}, {"'|u1'", U1, 1}, {"'|b1'", U1, 1},
             {"'|i1'", U1, 1}, {"'<i4'", I4, 4}, {"'<i8'", I8, 8}};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

typedef struct {
    const char *path;
    FILE *stream;
    ufm_error *error;
    int kind; /* index in kinds */
    bool fortran;
    int64_t rows, cols, offset;
} npy;

static ufm_status wrong(const npy *in, const char *what)
{
    return ufm_fail(in->error, UFM_ERROR_INPUT,
                    "%s: %s; numpy.save of an array of one or two dimensions would be right",
                    ufm_shown_path(in->path), what);
}

/* The text behind "'key':" in the header's dictionary. */
static const char *find(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (!at) return NULL;
    at += strlen(key);
    at += strspn(at, " ");
    if (*at++ != ':') return NULL;
    return at + strspn(at, " ");
}

static bool read_extent(const char **at, int64_t *extent)
{
    int64_t value = 0;
    int digits = 0;
    *at += strspn(*at, " ");
    for (; **at >= '0' && **at <= '9' && digits < 18; digits++) value = 10 * value + (*(*at)++ - '0');
    *at += strspn(*at, " ");
    *extent = value;
    return digits > 0 && value > 0;
}

static bool read_shape(npy *in, const char *at)
{
    in->cols = 1;
    if (!at || *at++ != '(' || !read_extent(&at, &in->rows) || *at++ != ',') return false;
    at += strspn(at, " ");
    if (*at != ')' && !read_extent(&at, &in->cols)) return false;
    if (*at == ',') at++;
    return *at == ')';
}

static ufm_status parse(npy *in, const char *header)
{
    const char *descr = find(header, "'descr'"), *order = find(header, "'fortran_order'");
    in->kind = -1;
    for (int k = 0; descr && k < KINDS; k++)
        if (strncmp(descr, kinds[k].descr, strlen(kinds[k].descr)) == 0) in->kind = k;
    if (in->kind < 0)
        return wrong(in, "the numbers are not of a type that is read (f4, f8, u1, i1, b1, i4, i8)");
    if (!order || (*order != 'T' && *order != 'F')) return wrong(in, "the header does not say fortran_order");
    in->fortran = *order == 'T';
    return read_shape(in, find(header, "'shape'")) ? UFM_OK
                                                   : wrong(in, "the header's shape is not (N,) or (N, M)");
}

static ufm_status read_header(npy *in)
{
    unsigned char prefix[PREFIX + 4];
    char *header;
    if (fread(prefix, 1, PREFIX + 2, in->stream) != PREFIX + 2 || memcmp(prefix, "\x93NUMPY", 6) != 0)
        return wrong(in, "is no .npy file");
    int64_t length = prefix[8] | prefix[9] << 8;
    in->offset = PREFIX + 2;
    if (prefix[6] > 1) {
        if (fread(prefix + 10, 1, 2, in->stream) != 2) return wrong(in, "the header is cut off");
        length |= (int64_t)prefix[10] << 16 | (int64_t)prefix[11] << 24;
        in->offset += 2;
    }
    if (length < 1 || length > HEADER_MOST) return wrong(in, "the header has no plausible length");
    in->offset += length;
    header = ufm_alloc(length + 1, 1);
    if (!header) return UFM_ERROR_MEMORY;
    ufm_status status = fread(header, 1, (size_t)length, in->stream) == (size_t)length
                            ? parse(in, header)
                            : wrong(in, "the header is cut off");
    ufm_free(header);
    return status;
}

/* The file holds exactly the numbers that its header promises. */
static ufm_status check_size(const npy *in)
{
    int64_t bytes;
    if (__builtin_mul_overflow(in->rows, in->cols, &bytes) ||
        __builtin_mul_overflow(bytes, kinds[in->kind].size, &bytes) ||
        __builtin_add_overflow(bytes, in->offset, &bytes))
        return wrong(in, "the shape is too large");
    if (fseek(in->stream, 0, SEEK_END) != 0 || ftell(in->stream) != bytes ||
        fseek(in->stream, (long)in->offset, SEEK_SET) != 0)
        return wrong(in, "the file is shorter or longer than its shape says");
    return UFM_OK;
}

/* Little-endian bytes into a number. */
static double decode(number_kind kind, const unsigned char *bytes, int64_t size)
{
    uint64_t bits = 0;
    for (int64_t i = size - 1; i >= 0; i--) bits = bits << 8 | bytes[i];
    float single;
    double whole;
    const uint32_t low = (uint32_t)bits;
    switch (kind) {
    case F4:
        memcpy(&single, &low, sizeof single);
        return single;
    case F8:
        memcpy(&whole, &bits, sizeof whole);
        return whole;
    case I4:
        return (int32_t)low;
    case I8:
        return (double)(int64_t)bits;
    case U1:
        break;
    }
    return (double)bits;
}

static ufm_status read_numbers(const npy *in, double *x)
{
    const int64_t size = kinds[in->kind].size, count = in->rows * in->cols;
    for (int64_t i = 0; i < count; i++) {
        unsigned char bytes[8];
        if (fread(bytes, 1, (size_t)size, in->stream) != (size_t)size)
            return wrong(in, "cannot be read to its end");
        const double value = decode(kinds[in->kind].kind, bytes, size);
        if (!isfinite(value))
            return ufm_fail(in->error, UFM_ERROR_INPUT, "%s: number %" PRId64 " is not finite",
                            ufm_shown_path(in->path), i);
        x[in->fortran ? i : i / in->cols + i % in->cols * in->rows] = value;
    }
    return UFM_OK;
}

ufm_status ufm_npy_read(const char *path, int64_t *rows, int64_t *cols, double **column_major,
                        ufm_error *error)
{
    npy in = {.path = path, .error = error, .stream = fopen(path, "rb")};
    double *x = NULL;
    if (!in.stream) return ufm_fail(error, UFM_ERROR_IO, "%s: %s", ufm_shown_path(path), strerror(errno));
    ufm_status status = read_header(&in);
    if (status == UFM_OK) status = check_size(&in);
    if (status == UFM_OK) {
        x = ufm_alloc(in.rows * in.cols, sizeof *x);
        status = x ? read_numbers(&in, x) : UFM_ERROR_MEMORY;
    }
    if (status == UFM_ERROR_MEMORY)
        ufm_fail(error, status, "%s: not enough memory to read it", ufm_shown_path(path));
    fclose(in.stream);
    if (status == UFM_OK) {
        *rows = in.rows;
        *cols = in.cols;
        *column_major = x;
    } else {
        ufm_free(x);
    }
    return status;
}

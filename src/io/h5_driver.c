/* A file driver for HDF5 that writes to an open descriptor. When the disk is full it remembers the error and
 * pretends that all is well until the file is closed: HDF5 1.10 cannot close a file whose writes fail, and
 * then crashes when the program ends. */
#include "h5.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    H5FD_t public; /* must come first */
    ufm_h5 *file;
    haddr_t allocated;
} driver;

/* What the access properties carry, copied byte by byte. */
typedef struct {
    ufm_h5 *file;
} driver_info;

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t most)
{
    (void)name, (void)flags, (void)most;
    const driver_info *info = H5Pget_driver_info(access);
    driver *d = info ? ufm_alloc(1, sizeof *d) : NULL;
    if (!d) return NULL;
    d->file = info->file;
    return &d->public;
}

static herr_t driver_close(H5FD_t *file)
{
    ufm_free(file);
    return 0;
}

static herr_t driver_query(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const driver *)file)->allocated;
}

static herr_t driver_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t address)
{
    (void)type;
    ((driver *)file)->allocated = address;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    const off_t end = lseek(((const driver *)file)->file->target.fd, 0, SEEK_END);
    return end < 0 ? HADDR_UNDEF : (haddr_t)end;
}

static herr_t driver_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size,
                          void *buffer)
{
    (void)type, (void)transfer;
    uint8_t *bytes = buffer;
    while (size > 0) {
        const ssize_t got = pread(((driver *)file)->file->target.fd, bytes, size, (off_t)address);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) { /* behind the end, where nothing was written yet */
            memset(bytes, 0, size);
            return 0;
        }
        bytes += got;
        address += (haddr_t)got;
        size -= (size_t)got;
    }
    return 0;
}

static herr_t driver_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size,
                           const void *buffer)
{
    (void)type, (void)transfer;
    ufm_h5 *h5 = ((driver *)file)->file;
    const uint8_t *bytes = buffer;
    while (size > 0 && h5->failure == 0) {
        const ssize_t written = pwrite(h5->target.fd, bytes, size, (off_t)address);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
            h5->failure = errno;
            break;
        }
        bytes += written;
        address += (haddr_t)written;
        size -= (size_t)written;
    }
    return 0;
}

static herr_t driver_truncate(H5FD_t *file, hid_t transfer, hbool_t closing)
{
    (void)transfer, (void)closing;
    const driver *d = (const driver *)file;
    if (d->file->failure == 0 && ftruncate(d->file->target.fd, (off_t)d->allocated) != 0)
        d->file->failure = errno;
    return 0;
}

hid_t ufm_h5_driver_create(ufm_h5 *file)
{
    const H5FD_class_t class = {.name = "ufmlab",
                                .maxaddr = (haddr_t)INT64_MAX,
                                .fc_degree = H5F_CLOSE_STRONG,
                                .fapl_size = sizeof(driver_info),
                                .open = driver_open,
                                .close = driver_close,
                                .query = driver_query,
                                .get_eoa = driver_get_eoa,
                                .set_eoa = driver_set_eoa,
                                .get_eof = driver_get_eof,
                                .read = driver_read,
                                .write = driver_write,
                                .truncate = driver_truncate,
                                .fl_map = H5FD_FLMAP_DICHOTOMY};
    const driver_info info = {file};
    hid_t created = H5I_INVALID_HID;
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_FILE_CREATE);
    file->driver = H5FDregister(&class);
    /* The format of HDF5 1.8, whose metadata carry checksums; no times, so that equal content makes equal
     * files. */
    if (access >= 0 && creation >= 0 && H5Pset_obj_track_times(creation, 0) >= 0 && file->driver >= 0 &&
        H5Pset_driver(access, file->driver, &info) >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0)
        created = H5Fcreate(file->target.temporary, H5F_ACC_TRUNC, creation, access);
    if (access >= 0) H5Pclose(access);
    if (creation >= 0) H5Pclose(creation);
    return created;
}

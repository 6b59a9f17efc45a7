/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer: any sequence of calls on one open description of `ioctl`, with whatever in their
 * structures, and the software engine behind it. The answers that would go to the kernel are
 * taken here: each request is answered exactly once, with an errno of the contract, and when the
 * description is closed all memory charged to its user is given back.
 *
 * The caller whose memory is read and written is this process; but pointers only ever lead into
 * a scratch area between pages that are not there, or to nowhere. */
#include "fsops/binary.h"

#include "device/device.h"
#include "base/secret.h"

#include "tests/lib/static_modules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define ASSERT(condition) ((condition) ? (void)0 : abort())
#define SCRATCH           ((size_t)64 * 1024)

extern const struct acr_driver_module acrypto_driver;

static uint8_t *scratch; /* with a page without access on either side */
static struct fuse_ctx caller;

/* ---- in libfuse's place ---- */

/* What fuse_req_t points to here. */
struct request {
	atomic_uint answers;
	atomic_int error;
};

static int answer(fuse_req_t req, int error)
{
	struct request *request = (struct request *)req;

	atomic_store(&request->error, error);
	ASSERT(atomic_fetch_add(&request->answers, 1) == 0);
	return 0;
}

int fuse_reply_err(fuse_req_t req, int error)
{
	ASSERT(error >= 0);
	return answer(req, error);
}

int fuse_reply_ioctl(fuse_req_t req, int result, const void *buf, size_t size)
{
	ASSERT(result <= 0 && size < 16384 && (buf || !size));
	return answer(req, -result);
}

int fuse_reply_buf(fuse_req_t req, const char *buf, size_t size)
{
	ASSERT(buf || !size);
	return answer(req, 0);
}

int fuse_reply_write(fuse_req_t req, size_t count)
{
	(void)count;
	return answer(req, 0);
}

const struct fuse_ctx *fuse_req_ctx(fuse_req_t req)
{
	(void)req;
	return &caller;
}

/* As libfuse does: an interrupt that has come already is told at once. None comes here. */
void fuse_req_interrupt_func(fuse_req_t req, fuse_interrupt_func_t function, void *data)
{
	(void)req, (void)function, (void)data;
}

/* No page of this file is kept by the kernel. */
int fuse_lowlevel_notify_inval_inode(struct fuse_session *session, fuse_ino_t ino, off_t off,
                                     off_t len)
{
	(void)session, (void)ino, (void)off, (void)len;
	abort();
}

int fuse_lowlevel_notify_store(struct fuse_session *session, fuse_ino_t ino, off_t offset,
                               struct fuse_bufvec *bytes, enum fuse_buf_copy_flags flags)
{
	(void)session, (void)ino, (void)offset, (void)bytes, (void)flags;
	abort();
}

/* ---- the program ---- */

struct program {
	const uint8_t *data;
	size_t size;
	struct fs_handle handle;
};

static uint8_t next(struct program *program)
{
	if (!program->size)
		return 0;
	program->size--;
	return *program->data++;
}

static void raw(struct program *program, void *out, size_t size)
{
	size_t n = MIN(size, program->size);

	memcpy(out, program->data, n);
	program->data += n;
	program->size -= n;
}

static uint64_t number(struct program *program)
{
	static const uint64_t some[] = { 0,       1,          12,         16,        31,
		                         32,      64,         4096,       8192,      8193,
		                         SCRATCH, 1ull << 32, 1ull << 63, UINT64_MAX };
	uint8_t which = next(program);

	return which < G_N_ELEMENTS(some) ? some[which] : which;
}

static struct acrypto_buffer buffer(struct program *program)
{
	uint8_t where = next(program);
	uint64_t size = number(program);

	if (where < 8)
		return (struct acrypto_buffer){ 0, size };
	if (where < 16)
		return (struct acrypto_buffer){ UINT64_MAX - where, size };
	return (struct acrypto_buffer){
		ACRYPTO_POINTER(scratch + SCRATCH * (where - 15u) / 256), size
	};
}

static const char *const algs[] = {
	"aes-256-cbc",
	"aes-128-gcm",
	"aes-256-ctr",
	"chacha20-poly1305",
	"sha256",
	"shake128",
	"hmac-sha256",
	"hkdf-sha256",
	"aes-128-wrap",
	"gmac-aes-128",
	"kmac-128",
	"xor",
	"",
};

static struct acrypto_session_initializer initializer(struct program *program)
{
	struct acrypto_session_initializer init = { .version = ACRYPTO_IOCTL_VERSION };
	uint8_t which = next(program);

	if (which == 255) {
		raw(program, &init, sizeof init);
		return init;
	}
	strcpy(init.alg, algs[which % G_N_ELEMENTS(algs)]);
	init.operation = next(program) % (ACRYPTO_DERIVE + 2);
	which = next(program);
	init.flags = which & 3;
	init.priority = which & 4 ? next(program) : 0;
	init.tag_size = which & 8 ? next(program) : 0;
	if (which & 16)
		strcpy(init.padding, "none");
	if (which & 32)
		strcpy(init.device, which & 64 ? "soft0" : "gone");
	return init;
}

/* ---- calls ---- */

/* Each gives the request to the daemon's code. */
static void alloc(struct program *program, fuse_req_t req)
{
	struct acrypto_session_alloc in = { .init = initializer(program) };

	in.src_size = number(program);
	in.dst_size = MIN(number(program), SCRATCH);
	in.key_size = (uint32_t)number(program);
	in.iv_size = (uint32_t)number(program);
	fs_kind_ioctl.ioctl(req, &program->handle, ACRYPTO_SESSION_ALLOC, &in);
}

static void fill(struct program *program, fuse_req_t req)
{
	struct acrypto_fill_data in = { .type = next(program) % 10 };
	struct acrypto_buffer from = buffer(program);

	in.flags = next(program) % 3;
	in.size = from.size;
	in.pointer = in.flags ? 0 : from.pointer;
	fs_kind_ioctl.ioctl(req, &program->handle, ACRYPTO_FILL_DATA, &in);
}

static void add(struct program *program, fuse_req_t req)
{
	struct acrypto_session_add in = { .dst = buffer(program),
		                          .tag = buffer(program),
		                          .iv = buffer(program) };

	in.flags = next(program) == 1;
	fs_kind_ioctl.ioctl(req, &program->handle, ACRYPTO_SESSION_ADD, &in);
}

static void direct(struct program *program, fuse_req_t req)
{
	struct acrypto_direct in = { .init = initializer(program) };
	struct acrypto_buffer *buffers[] = { &in.src, &in.dst, &in.key, &in.iv,
		                             &in.aad, &in.tag, &in.sig };

	for (size_t i = 0; i < G_N_ELEMENTS(buffers); i++)
		*buffers[i] = buffer(program);
	in.dst.size = MIN(in.dst.size, SCRATCH);
	fs_kind_ioctl.ioctl(req, &program->handle, ACRYPTO_DIRECT, &in);
}

static void in_line(struct program *program, fuse_req_t req, unsigned cmd)
{
	struct acrypto_inline in = { .type = next(program) % 10,
		                     .size = (uint32_t)number(program) };

	in.offset = number(program);
	in.total = number(program);
	raw(program, in.data, next(program));
	fs_kind_ioctl.ioctl(req, &program->handle, cmd, &in);
}

static void fill_inline(struct program *program, fuse_req_t req)
{
	in_line(program, req, ACRYPTO_FILL_INLINE);
}

static void fetch_inline(struct program *program, fuse_req_t req)
{
	in_line(program, req, ACRYPTO_FETCH_INLINE);
}

static void status(struct program *program, fuse_req_t req)
{
	fs_kind_ioctl.ioctl(req, &program->handle, ACRYPTO_STATUS, NULL);
}

static void write_file(struct program *program, fuse_req_t req)
{
	fs_kind_ioctl.write(req, &program->handle, (char *)scratch, next(program), 0, 0);
}

static void read_file(struct program *program, fuse_req_t req)
{
	fs_kind_ioctl.read(req, &program->handle, number(program) % SCRATCH, 0, NULL);
}

static void (*const calls[])(struct program *program, fuse_req_t req) = {
	alloc,  fill,        fill,         fill,   add,        direct,
	direct, fill_inline, fetch_inline, status, write_file, read_file,
};

/* A session to begin with, as there are many ways not to get one. */
static void begin(struct program *program)
{
	struct acrypto_session_alloc in = { .init.version = ACRYPTO_IOCTL_VERSION,
		                            .src_size = SCRATCH };
	struct request request = { 0 };
	uint8_t which = next(program);

	if (which >= 2 * G_N_ELEMENTS(algs))
		return;
	strcpy(in.init.alg, algs[which % G_N_ELEMENTS(algs)]);
	in.key_size = which < G_N_ELEMENTS(algs) ? 32 : 16;
	in.iv_size = 16;
	fs_kind_ioctl.ioctl((fuse_req_t)&request, &program->handle, ACRYPTO_SESSION_ALLOC, &in);
}

static void check_answer(struct request *request)
{
	static const int known[] = { 0,      EINVAL,  EOPNOTSUPP, ENODEV, EIO,    ENOKEY,
		                     EACCES, ENODATA, EBADMSG,    EBUSY,  EEXIST, EMSGSIZE,
		                     EAGAIN, EDQUOT,  ENOSPC,     EFAULT };
	bool found = false;

	/* Long inputs run in the device's thread, and come back in one for visits. */
	for (int i = 0; i < 5000 && !atomic_load(&request->answers); i++)
		g_usleep(1000);
	ASSERT(atomic_load(&request->answers) == 1);
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		found = found || known[i] == atomic_load(&request->error);
	ASSERT(found);
	fs_visits_wait();
}

static bool is_given_back(struct acr_account *account, size_t before)
{
	return !atomic_load(&account->bytes) && acr_account_total() == before &&
	       !atomic_load(&account->sessions) && !atomic_load(&account->requests) &&
	       !account->visits && !account->slow;
}

/* Threads that have answered, or hold a last reference, may do it only now. */
static void check_given_back(struct acr_account *account, size_t before)
{
	for (int i = 0; i < 5000 && !is_given_back(account, before); i++)
		g_usleep(1000);
	ASSERT(is_given_back(account, before));
}

static struct acr_module module[] = { { "soft", NULL, NULL }, { 0 } };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char why[ACR_SENTENCE], *error = NULL;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *area =
	        mmap(NULL, SCRATCH + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)argc, (void)argv;
	ASSERT(area != MAP_FAILED && !mprotect(area + page, SCRATCH, PROT_READ | PROT_WRITE));
	scratch = area + page;
	caller = (struct fuse_ctx){ .uid = getuid(), .gid = getgid(), .pid = gettid() };
	module[0].driver = acrypto_driver.driver;
	static_modules = module;
	acr_settings_init();
	acr_settings.memory = acr_settings.user_memory = 16 << 20;
	acr_alg_init();
	ASSERT(!fs_visitors_start());
	acr_secret_init();
	fs_kept_init();
	ASSERT(!fs_visits_start());
	fs_visit_server(true); /* counts as two threads, of which one may visit */
	fs_visit_server(true);
	ASSERT(!acr_device_add(acr_device_spec_parse("soft0=soft:threads=1", &error), false,
	                       why));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct program program = { .data = data, .size = size };
	struct acr_account *account = acr_account_get(caller.uid);
	struct fuse_file_info fi = { 0 };
	size_t before = acr_account_total();

	pthread_mutex_init(&program.handle.lock, NULL);
	program.handle.opener.uid = caller.uid;
	ASSERT(!fs_kind_ioctl.open(&program.handle, &fi));
	begin(&program);
	while (program.size) {
		struct request request = { 0 };
		calls[next(&program) % G_N_ELEMENTS(calls)](&program, (fuse_req_t)&request);
		check_answer(&request);
	}
	fs_kind_ioctl.release(&program.handle);
	check_given_back(account, before);
	pthread_mutex_destroy(&program.handle.lock);
	return 0;
}

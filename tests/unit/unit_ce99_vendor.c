/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver ce99 with its thread, on a library with the vendor's calls. */
#include "ce99_data.h"

#include <unistd.h>

static struct acr_device device;

static bool wait_for(const atomic_int *ends)
{
	for (unsigned i = 0; i < 20000 && !atomic_load(ends); i++)
		usleep(1000);
	return atomic_load(ends) == 1;
}

static int vendor_device(const char *library)
{
	memset(&device, 0, sizeof(device));
	device.options[0][0] = "vendor-library";
	device.options[0][1] = library;
	device.options[1][0] = "timeout-ms";
	device.options[1][1] = "100";
	return driver()->probe(&device);
}

static int vendor_op(const char *alg, size_t n)
{
	struct host_op one = make_op(alg, ACR_ENCRYPT, input, n, output);
	struct acr_op *ops[] = { &one.op };

	one.op.padding = ACR_PAD_PKCS7;
	if (driver()->submit(&device, ops, 1) != 1 || !CHECK(wait_for(&one.ends)))
		return -EBUSY;
	if (!one.error) {
		int made = reference(alg, row(alg)->whole, input, n, expected);

		CHECK((int)one.op.dst_len == made && !memcmp(output, expected, (size_t)made));
	}
	return one.error;
}

static void check_vendor_fault(const char *library, const char *fault, int error,
                               const char *broken)
{
	CHECK(!vendor_device(library));
	setenv("CE99_VENDOR_FAULT", fault, 1);
	CHECK(vendor_op("des-ede3-cbc", 1000) == error);
	CHECK(device.broken_count == !!broken && (!broken || strstr(device.broken, broken)));
	unsetenv("CE99_VENDOR_FAULT");
	CHECK(!driver()->reset(&device) && !vendor_op("des-ede3-cbc", 1000));
	driver()->remove(&device);
}

static void test_vendor(const char *library)
{
	char why[CARD_WHY];
	struct chip second = { 0 };

	CHECK(!vendor_device(library));
	CHECK(device.caps_count == 16 && device.width == CE99_WIDTH);
	for (unsigned i = 0; i < ce99_row_count; i++)
		for (size_t n = 0; n < 40000; n += 1 + n / 3)
			CHECK(!vendor_op(ce99_rows[i].alg, n));
	CHECK(ce99_vendor_open(&second, library, why) == -EBUSY);
	driver()->remove(&device);
	CHECK(ce99_vendor_open(&second, "ce99-vendor.so", why) == -EINVAL);
	CHECK(ce99_vendor_open(&second, "/nonexistent.so", why) == -ENOENT);
	check_vendor_fault(library, "ceiEncrypt:-7", -EIO, NULL);
	check_vendor_fault(library, "ceiEncrypt:-1", -EOPNOTSUPP, NULL);
	check_vendor_fault(library, "ceiEncrypt:-2", -ENODEV, "gone");
	check_vendor_fault(library, "ceiEncrypt:-3", -EIO, "not initialised");
	check_vendor_fault(library, "ceiEncrypt:-6", -EOPNOTSUPP, NULL);
	check_vendor_fault(library, "ceiLoadKey:-4", -EOPNOTSUPP, NULL);
	check_vendor_fault(library, "ceiLoadKey:-5", -EIO, NULL);
	setenv("CE99_VENDOR_FAULT", "ceiInit:-2", 1);
	CHECK(vendor_device(library) == -ENODEV && strstr(device.explained, "gone"));
	unsetenv("CE99_VENDOR_FAULT");
}

/* More registers than there are: found out before any data goes under a wrong key. */
static void test_vendor_registers(const char *library)
{
	memset(&device, 0, sizeof(device));
	device.options[0][0] = "vendor-library";
	device.options[0][1] = library;
	device.options[1][0] = "key-registers";
	device.options[1][1] = "4";
	CHECK(driver()->probe(&device) == -EIO && strstr(device.explained, "key registers"));
	setenv("CE99_VENDOR_KEYS", "16", 1);
	device.options[1][1] = "16";
	CHECK(!driver()->probe(&device) && !vendor_op("des-ede3-ofb", 100));
	driver()->remove(&device);
	unsetenv("CE99_VENDOR_KEYS");
}

/* The worker has taken the op, and goes into the library with it. */
static bool is_taken(struct ce99 *ce)
{
	bool taken = false;

	for (unsigned i = 0; i < 20000 && !taken; i++) {
		usleep(1000);
		pthread_mutex_lock(&ce->lock);
		taken = ce->current;
		pthread_mutex_unlock(&ce->lock);
	}
	return taken;
}

/* A call that never returns: the op is ended all the same, and the device can be taken away.
 * The last test, since the library stays as it is. */
static void test_vendor_hangs(const char *library)
{
	struct host_op one = make_op("des-cbc", ACR_ENCRYPT, input, 16, output);
	struct acr_op *ops[] = { &one.op };

	CHECK(!vendor_device(library));
	setenv("CE99_VENDOR_FAULT", "ceiEncrypt:hang", 1);
	CHECK(driver()->submit(&device, ops, 1) == 1 && is_taken(device.private_data));
	CHECK(driver()->reset(&device) == -EBUSY && strstr(device.explained, "doesn't return"));
	CHECK(one.ends == 1 && one.error == -ENODEV);
	driver()->remove(&device);
	CHECK(strstr(host_logged, "doesn't return") && one.ends == 1);
}

int main(void)
{
	const char *build = getenv("ACR_BUILDDIR");
	char library[4096];

	fill_input();
	snprintf(library, sizeof(library), "%s/tests/vendor/ce99-vendor.so",
	         build ? build : ACR_BUILDDIR);
	test_vendor(library);
	test_vendor_registers(library);
	test_vendor_hangs(library);
	return checks_end();
}

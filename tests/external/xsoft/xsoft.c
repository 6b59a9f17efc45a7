/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A driver outside the source tree: two digests, each by one call of OpenSSL. */
#include <acrypto/driver.h>

#include <errno.h>
#include <openssl/evp.h>

static const struct acr_option xsoft_options[] = {
	{ "threads", "operations at once, 1 to 64", "1" },
	{ NULL, NULL, NULL },
};

/* OpenSSL's name of each digest comes back with the operation. */
static const struct acr_capability xsoft_capabilities[] = {
	{ .opcode = ACR_HASH, .alg = "sha256", .data = "SHA256" },
	{ .opcode = ACR_HASH, .alg = "sha512", .data = "SHA512" },
};

static int xsoft_probe(struct acr_device *dev)
{
	uint64_t threads;
	int error = acr_device_option_number(dev, "threads", 1, 64, &threads);

	if (error)
		return error;
	acr_device_set_width(dev, (unsigned)threads, 1);
	for (size_t i = 0;
	     !error && i < sizeof(xsoft_capabilities) / sizeof(*xsoft_capabilities); i++)
		error = acr_device_add_capability(dev, &xsoft_capabilities[i]);
	return error;
}

static int xsoft_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct acr_op *op = ops[i];
		bool good = EVP_Q_digest(NULL, op->cap_data, NULL, op->src.data, op->src.len,
		                         op->dst, &op->dst_len);

		acr_log(ACR_LOG_DEBUG, "xsoft", "%s: one %s", acr_device_name(dev), op->alg);
		acr_op_done(op, good ? 0 : -EIO);
	}
	return (int)n;
}

static const struct acr_driver xsoft = {
	.name = "xsoft",
	.help = "an example: digests by OpenSSL",
	.options = xsoft_options,
	.flags = ACR_DRIVER_SYNC,
	.probe = xsoft_probe,
	.submit = xsoft_submit,
};

ACR_REGISTER_DRIVER(xsoft);

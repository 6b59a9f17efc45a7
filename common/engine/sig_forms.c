/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two forms of ECDSA and SM2 signatures, and saying that one has another form than
 * asked for. */
#include "internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include <openssl/ecdsa.h>

size_t soft_sig_der(struct acr_bytes raw, size_t half, uint8_t *der)
{
	ECDSA_SIG *sig = raw.len == 2 * half ? ECDSA_SIG_new() : NULL;
	BIGNUM *r = sig ? BN_bin2bn(raw.data, (int)half, NULL) : NULL;
	BIGNUM *s = sig ? BN_bin2bn(raw.data + half, (int)half, NULL) : NULL;
	int len = 0;

	if (r && s && ECDSA_SIG_set0(sig, r, s)) {
		r = s = NULL;
		if (i2d_ECDSA_SIG(sig, NULL) <= SOFT_SIG_DER_MAX)
			len = i2d_ECDSA_SIG(sig, &der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return len > 0 ? (size_t)len : 0;
}

int soft_sig_raw(struct acr_op *op, const uint8_t *der, size_t len, size_t half)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	bool fits = sig && op->dst_size >= 2 * half &&
	            BN_bn2binpad(ECDSA_SIG_get0_r(sig), op->dst, (int)half) >= 0 &&
	            BN_bn2binpad(ECDSA_SIG_get0_s(sig), op->dst + half, (int)half) >= 0;

	ECDSA_SIG_free(sig);
	op->dst_len = 2 * half;
	return fits ? 0 : -EIO;
}

/* ---- saying what is wrong ---- */

#define TEXT_MIN 16 /* bytes; less may be printable by chance */

static bool is_text(struct acr_bytes sig)
{
	for (size_t i = 0; i < sig.len; i++)
		if (!isprint(sig.data[i]) && !isspace(sig.data[i]))
			return false;
	return sig.len >= TEXT_MIN;
}

static bool is_der(struct acr_bytes sig)
{
	const uint8_t *end = sig.data;
	ECDSA_SIG *found = d2i_ECDSA_SIG(NULL, &end, (long)sig.len);
	bool whole = found && end == sig.data + sig.len;

	ECDSA_SIG_free(found);
	return whole;
}

void soft_sig_explain(struct acr_op *op, size_t half, size_t size)
{
	bool raw = half && op->pkey.sigformat == ACR_SIG_RAW, der = half && is_der(op->sig);
	size_t expected = raw ? 2 * half : size;
	char sentence[160] = "";

	if (is_text(op->sig))
		snprintf(sentence, sizeof(sentence),
		         "sig is text and no signature: decode base64 before, and write hex: "
		         "before hex digits");
	else if (raw && der)
		snprintf(sentence, sizeof(sentence),
		         "sig is in DER, params says sigformat=raw: write sigformat=der");
	else if (half && !raw && !der && op->sig.len == 2 * half)
		snprintf(
		        sentence, sizeof(sentence),
		        "sig is not in DER: if it is the two bare numbers, write sigformat=raw "
		        "to params");
	else if (half && !raw && !der)
		snprintf(sentence, sizeof(sentence), "sig is not in DER, as it must be here");
	else if ((raw || !half) && op->sig.len != expected)
		snprintf(sentence, sizeof(sentence), "sig has %zu bytes, this key makes %zu",
		         op->sig.len, expected);
	if (*sentence)
		acr_op_explain(op, sentence);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What other programs encrypt: it can't be told apart from any other input for sure, so
 * nothing is refused for it, but `status` of a decryption gives a hint. */
#include "foreign.h"

#include <string.h>

static const struct {
	const char *begins, *hint;
} forms[] = {
	{ "Salted__", "src begins as what openssl enc makes from a passphrase: openssl enc -d "
	              "takes that" },
	{ "age-encryption.org/", "src begins as a file of age: age -d takes that" },
	{ "-----BEGIN AGE ENCRYPTED FILE-----",
	  "src begins as a file of age: age -d takes that" },
	{ "-----BEGIN PGP MESSAGE-----",
	  "src begins as a message of OpenPGP: gpg -d takes that" },
};

/* RFC 9580, 4.2 and 5: the first packet of an encrypted message has a session key, by a
 * public key (type 1, versions 3 and 6) or by a passphrase (type 3, versions 4 to 6). */
static bool is_openpgp(const uint8_t *data, size_t len)
{
	unsigned type, length_bytes;
	uint8_t version;

	if (len <= 8 || !(data[0] & 0x80))
		return false;
	if (data[0] & 0x40) {
		type = data[0] & 0x3f;
		length_bytes = data[1] < 192 ? 1 : 2;
	} else {
		type = data[0] >> 2 & 0xf;
		length_bytes = (data[0] & 3) < 2 ? 1 + (data[0] & 1) : 4;
	}
	version = data[1 + length_bytes];
	return (type == 1 && (version == 3 || version == 6)) ||
	       (type == 3 && version >= 4 && version <= 6);
}

const char *acr_foreign_hint(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (len >= strlen(forms[i].begins) &&
		    !memcmp(data, forms[i].begins, strlen(forms[i].begins)))
			return forms[i].hint;
	return is_openpgp(data, len) ? "src may be a message of OpenPGP: gpg -d takes such"
	                             : NULL;
}

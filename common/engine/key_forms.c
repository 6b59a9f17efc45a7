/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people take for a key file and is none: recognised, and named with the command that
 * makes of it what is taken. A certificate serves as the public key that it is about. */
#include "internal.h"

#include <string.h>

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#define ELSE_WRITE ": write the output of "
/* What all unencrypted OpenSSH files of an Ed25519 key begin with: one line in full. */
#define OPENSSH_ED25519                                                                        \
	"-----BEGIN OPENSSH PRIVATE KEY-----\n"                                                \
	"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"

static const char request[] =
        "holds a certificate request" ELSE_WRITE "openssl req -in FILE -noout -pubkey",
                  openpgp[] = "holds an OpenPGP key, which is not taken: use gpg, or a key "
                              "in PEM",
                  openssh_public[] =
                          "holds an OpenSSH key" ELSE_WRITE "ssh-keygen -e -m PKCS8 -f FILE";

/* Text that tells a form, wherever it stands in the file; the first row that fits counts. */
static const struct {
	const char *text, *sentence;
} texts[] = {
	{ "-----BEGIN CERTIFICATE REQUEST-----", request },
	{ "-----BEGIN NEW CERTIFICATE REQUEST-----", request },
	{ "-----BEGIN PKCS7-----",
	  "holds certificates in PKCS #7" ELSE_WRITE "openssl pkcs7 -in FILE -print_certs" },
	{ OPENSSH_ED25519, "holds an OpenSSH key" ELSE_WRITE
	                   "grep -v -e - FILE | base64 -d | tail -c +162 | head -c 32" },
	{ "-----BEGIN OPENSSH PRIVATE KEY-----",
	  "holds an OpenSSH key: write FILE after ssh-keygen -p -N '' -m PKCS8 -f FILE, on a copy" },
	{ "ssh-ed25519 ",
	  "holds an OpenSSH key" ELSE_WRITE "cut -d' ' -f2 FILE | base64 -d | tail -c 32" },
	{ "ssh-rsa ", openssh_public },
	{ "ecdsa-sha2-nistp", openssh_public },
	{ "\"kty\"", "holds a JSON Web Key: write it as PEM, as JWK.from_json(TEXT)"
	             ".export_to_pem(True, None) of python3-jwcrypto gives it" },
	{ "-----BEGIN PGP PUBLIC KEY", openpgp },
	{ "-----BEGIN PGP PRIVATE KEY", openpgp },
};

static bool is_pkcs12(struct acr_bytes bytes)
{
	const uint8_t *at = bytes.data;
	PKCS12 *found = d2i_PKCS12(NULL, &at, (long)bytes.len);

	PKCS12_free(found);
	return found;
}

static bool is_request(struct acr_bytes bytes)
{
	const uint8_t *at = bytes.data;
	X509_REQ *found = d2i_X509_REQ(NULL, &at, (long)bytes.len);

	X509_REQ_free(found);
	return found;
}

const char *soft_key_form(struct acr_bytes bytes)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (memmem(bytes.data, bytes.len, texts[i].text, strlen(texts[i].text)))
			return texts[i].sentence;
	if (is_pkcs12(bytes))
		return "holds PKCS #12" ELSE_WRITE "openssl pkcs12 -in FILE -nodes";
	if (is_request(bytes))
		return "holds a certificate request" ELSE_WRITE
		       "openssl req -inform DER -in FILE -noout -pubkey";
	return NULL;
}

bool soft_key_looks_whole(struct acr_bytes bytes)
{
	const uint8_t *at = bytes.data;
	int tag, class;
	long len;

	if (memmem(bytes.data, bytes.len, " KEY-----", strlen(" KEY-----")))
		return true;
	return ASN1_get_object(&at, &len, &tag, &class, (long)bytes.len) ==
	               V_ASN1_CONSTRUCTED &&
	       tag == V_ASN1_SEQUENCE && at + len == bytes.data + bytes.len;
}

/* Without this OpenSSL would ask on the terminal. */
static int ask_nobody(char *passphrase, int size, int writes, void *arg)
{
	(void)passphrase;
	(void)size;
	(void)writes;
	(void)arg;
	return -1;
}

/* The first certificate in the file, owned; NULL: there is none. */
static X509 *read_certificate(struct acr_bytes bytes)
{
	const uint8_t *at = bytes.data;
	X509 *found = d2i_X509(NULL, &at, (long)bytes.len);
	BIO *bio = found ? NULL : BIO_new_mem_buf(bytes.data, (int)bytes.len);

	if (bio)
		found = PEM_read_bio_X509(bio, NULL, ask_nobody, NULL);
	BIO_free(bio);
	return found;
}

bool soft_key_of_certificate(struct acr_bytes bytes, struct acr_bytes *key)
{
	X509 *certificate = read_certificate(bytes);
	uint8_t *der = NULL;
	int len = certificate ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der) : 0;

	X509_free(certificate);
	*key = (struct acr_bytes){ der, len > 0 ? (size_t)len : 0 };
	return len > 0;
}

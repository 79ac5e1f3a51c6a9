package dev.drover.controlplane.model;

/**
 * A certificate with its key, for load balancers of an environment; key {@code certificates/ENVIRONMENT_ID/NAME}. The
 * private key is kept as it is, in the store, whose directory only its owner can read; no answer of the API has it.
 *
 * @param name lower case
 * @param certificate PEM: the certificate, then those that lead from it to its authority
 * @param key PEM, PKCS #8, not encrypted
 */
public record Certificate(String environmentId, String name, String certificate, String key) {
    /** Without the key, wherever it may be shown. */
    @Override
    public String toString() {
        return "Certificate[" + environmentId + "/" + name + "]";
    }
}

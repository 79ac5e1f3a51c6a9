package dev.drover.lb;

/** What the targets of a pool are talked to by. */
public enum TargetProtocol {
    HTTP_1_1,
    /** Without TLS at once (RFC 9113 section 3.3), with TLS by ALPN; many requests on one connection. gRPC needs it. */
    HTTP_2
}

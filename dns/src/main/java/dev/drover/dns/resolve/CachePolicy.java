package dev.drover.dns.resolve;

/**
 * What the cache keeps, and for how long.
 *
 * @param bytes memory for answers, all lanes together; 0 for no cache
 * @param minTtlSeconds answers are kept at least for so long, whatever their TTL
 * @param maxTtlSeconds answers are kept at most for so long
 * @param negativeTtlSeconds the same of NXDOMAIN and NODATA (RFC 2308 section 5)
 * @param staleSeconds how long after its TTL an answer may stand in for upstreams that do not answer (RFC 8767); 0 for
 *     not at all
 * @param prefetch whether answers that are asked for again are fetched anew shortly before their end
 */
public record CachePolicy(
        long bytes, int minTtlSeconds, int maxTtlSeconds, int negativeTtlSeconds, int staleSeconds, boolean prefetch) {
    public static final CachePolicy DEFAULT = new CachePolicy(8 << 20, 0, 86_400, 60, 86_400, true);
    public static final CachePolicy NONE = new CachePolicy(0, 0, 86_400, 60, 0, false);
}

package dev.drover.controlplane.api;

import com.linecorp.armeria.common.AggregatedHttpRequest;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.drover.controlplane.model.AccessToken;
import java.net.InetAddress;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One request, as a resource sees it. Used by the virtual thread that serves it. */
final class Call {
    private static final int IPV6_PREFIX_BYTES = 8;

    private final ServiceRequestContext context;
    private final AggregatedHttpRequest request;
    private final @Nullable AccessToken token;
    private final Map<String, String> answerHeaders = new LinkedHashMap<>();

    Call(ServiceRequestContext context, AggregatedHttpRequest request, @Nullable AccessToken token) {
        this.context = context;
        this.request = request;
        this.token = token;
    }

    /** A part of the path, decoded. */
    String path(String name) {
        return Objects.requireNonNull(context.pathParam(name), name);
    }

    /** @throws ApiException when the body is no JSON object of that shape; names the field */
    <T extends Record> T body(Class<T> type) {
        MediaType contentType = request.contentType();
        if (contentType == null || !contentType.isJson()) {
            throw ApiException.unsupportedMediaType("content-type: " + contentType + " (expected: application/json)");
        }
        return Json.read(request.contentUtf8(), type);
    }

    String bodyText() {
        return request.contentUtf8();
    }

    /** The session or API token of the caller; only for operations that need one. */
    AccessToken token() {
        return Objects.requireNonNull(token, "token");
    }

    /** Whom to slow down: the caller's address, for IPv6 its /64. */
    String source() {
        InetAddress address = context.remoteAddress().getAddress();
        byte[] bytes = address.getAddress();
        if (bytes.length == 4) {
            return address.getHostAddress();
        }
        StringBuilder prefix = new StringBuilder();
        for (int i = 0; i < IPV6_PREFIX_BYTES; i++) {
            prefix.append(String.format("%02x", bytes[i]));
        }
        return prefix.append("/64").toString();
    }

    boolean overTls() {
        return context.sessionProtocol().isTls();
    }

    void answerHeader(String name, String value) {
        answerHeaders.put(name, value);
    }

    Map<String, String> answerHeaders() {
        return answerHeaders;
    }
}

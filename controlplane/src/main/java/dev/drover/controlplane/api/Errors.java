package dev.drover.controlplane.api;

import com.linecorp.armeria.common.AggregatedHttpResponse;
import com.linecorp.armeria.common.ContentTooLargeException;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.common.util.Exceptions;
import com.linecorp.armeria.server.HttpResponseException;
import com.linecorp.armeria.server.HttpStatusException;
import com.linecorp.armeria.server.RequestTimeoutException;
import com.linecorp.armeria.server.ServerErrorHandler;
import com.linecorp.armeria.server.ServiceConfig;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.drover.controlplane.compose.ComposeException;
import dev.drover.controlplane.repository.ContentionException;
import dev.drover.controlplane.security.JoinTokens;
import dev.drover.controlplane.store.StoreException;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Every failure as JSON. What the caller did is told in full; what went wrong inside is logged and only named. */
final class Errors implements ServerErrorHandler {
    private static final Logger LOG = LoggerFactory.getLogger(Errors.class);

    @Override
    public HttpResponse onServiceException(ServiceRequestContext context, Throwable thrown) {
        Throwable cause = Exceptions.peel(thrown);
        return switch (cause) {
            case ApiException e -> answer(e);
            case ComposeException e -> answer(ApiException.invalid(e.path(), String.valueOf(e.getMessage())));
            case JoinTokens.RefusedException e -> answer(ApiException.unauthorized(String.valueOf(e.getMessage())));
            case ContentTooLargeException e ->
                answer(
                        HttpStatus.REQUEST_ENTITY_TOO_LARGE,
                        message(HttpStatus.REQUEST_ENTITY_TOO_LARGE, null, context.maxRequestLength()));
            case RequestTimeoutException e -> answer(HttpStatus.SERVICE_UNAVAILABLE, "request: took too long");
            case ContentionException e -> answer(HttpStatus.SERVICE_UNAVAILABLE, e.getMessage() + "; try again");
            case StoreException e -> {
                LOG.error("request failed method={} path={}", context.method(), context.path(), e);
                yield answer(
                        HttpStatus.SERVICE_UNAVAILABLE, "store: the change could not be written; see the server's log");
            }
            case HttpStatusException e ->
                answer(e.httpStatus(), message(e.httpStatus(), null, context.maxRequestLength()));
            case HttpResponseException e -> e.httpResponse();
            default -> {
                LOG.error("request failed method={} path={}", context.method(), context.path(), cause);
                yield answer(HttpStatus.INTERNAL_SERVER_ERROR, "internal error; see the server's log");
            }
        };
    }

    @Override
    public AggregatedHttpResponse renderStatus(
            @Nullable ServiceRequestContext context,
            ServiceConfig config,
            @Nullable RequestHeaders headers,
            HttpStatus status,
            @Nullable String description,
            @Nullable Throwable cause) {
        String message = message(status, description, config.maxRequestLength());
        return AggregatedHttpResponse.of(headers(status), body(status, message));
    }

    private static String message(HttpStatus status, @Nullable String description, long maxBytes) {
        return status.equals(HttpStatus.REQUEST_ENTITY_TOO_LARGE)
                ? "body: too large (expected: at most " + maxBytes + " bytes)"
                : Objects.requireNonNullElse(description, status.reasonPhrase());
    }

    static HttpResponse answer(ApiException e) {
        ResponseHeaders headers = headers(e.status());
        if (e.status().equals(HttpStatus.UNAUTHORIZED)) {
            headers = headers.toBuilder()
                    .set(HttpHeaderNames.WWW_AUTHENTICATE, "Bearer")
                    .build();
        }
        return HttpResponse.of(headers, HttpData.wrap(Json.bytes(e.envelope())));
    }

    static HttpResponse answer(HttpStatus status, String message) {
        return HttpResponse.of(headers(status), body(status, message));
    }

    private static ResponseHeaders headers(HttpStatus status) {
        return ResponseHeaders.builder(status)
                .contentType(MediaType.JSON_UTF_8)
                .set(HttpHeaderNames.CACHE_CONTROL, "no-store")
                .build();
    }

    private static HttpData body(HttpStatus status, String message) {
        String code = status.reasonPhrase().toLowerCase(Locale.ROOT).replaceAll("[^a-z]+", "_");
        return HttpData.wrap(Json.bytes(new ApiException.Envelope(new ApiException.Body(code, message, null, null))));
    }
}

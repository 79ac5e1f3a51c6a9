package dev.drover.controlplane.api;

import com.linecorp.armeria.common.HttpStatus;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An answer other than success: {@code {"error":{"code","message","field","blockers"}}}. */
final class ApiException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient HttpStatus status;
    private final transient Body body;

    /**
     * @param code stable word for programs
     * @param message for people: {@code key: value (expected: ...)}
     * @param field of the request, null when it is about none
     * @param blockers what stands in the way, null when nothing does
     */
    record Body(
            String code,
            String message,
            @Nullable String field,
            @Nullable List<String> blockers) {}

    /** What is sent. */
    record Envelope(Body error) {}

    private ApiException(HttpStatus status, Body body) {
        super(body.message());
        this.status = status;
        this.body = body;
    }

    static ApiException badRequest(String message) {
        return new ApiException(HttpStatus.BAD_REQUEST, new Body("bad_request", message, null, null));
    }

    static ApiException unauthorized(String message) {
        return new ApiException(HttpStatus.UNAUTHORIZED, new Body("unauthorized", message, null, null));
    }

    static ApiException forbidden(String message) {
        return new ApiException(HttpStatus.FORBIDDEN, new Body("forbidden", message, null, null));
    }

    /** @param what as {@code environment}; also the name of the path's part */
    static ApiException notFound(String what, String name) {
        return new ApiException(
                HttpStatus.NOT_FOUND, new Body("not_found", what + ": " + name + " does not exist", what, null));
    }

    static ApiException conflict(String field, String message) {
        return new ApiException(HttpStatus.CONFLICT, new Body("conflict", message, field, null));
    }

    static ApiException blocked(String field, String message, List<String> blockers) {
        String text = message + ": " + String.join(", ", blockers);
        return new ApiException(HttpStatus.CONFLICT, new Body("conflict", text, field, List.copyOf(blockers)));
    }

    static ApiException invalid(String field, String message) {
        return new ApiException(HttpStatus.UNPROCESSABLE_ENTITY, new Body("invalid", message, field, null));
    }

    static ApiException unsupportedMediaType(String message) {
        return new ApiException(
                HttpStatus.UNSUPPORTED_MEDIA_TYPE, new Body("unsupported_media_type", message, null, null));
    }

    static ApiException tooManyRequests(String message) {
        return new ApiException(HttpStatus.TOO_MANY_REQUESTS, new Body("too_many_requests", message, null, null));
    }

    HttpStatus status() {
        return status;
    }

    Envelope envelope() {
        return new Envelope(body);
    }
}

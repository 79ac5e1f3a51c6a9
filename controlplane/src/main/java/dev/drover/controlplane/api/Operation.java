package dev.drover.controlplane.api;

import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.HttpStatus;
import org.jspecify.annotations.Nullable;

/**
 * One operation of the API.
 *
 * @param path with {@code {name}} for its variable parts
 * @param open true when no token is needed
 * @param request type of the body, null for none
 * @param response type of the answer, null for none (204)
 * @param list true when the answer is an array of {@code response}
 */
record Operation(
        HttpMethod method,
        String path,
        String summary,
        boolean open,
        @Nullable Class<? extends Record> request,
        HttpStatus success,
        @Nullable Class<?> response,
        boolean list,
        Handler handler) {

    /** Serves one request on a virtual thread; may block. */
    @FunctionalInterface
    interface Handler {
        @Nullable
        Object handle(Call call);
    }

    static Operation get(String path, String summary, Class<?> response, Handler handler) {
        return new Operation(HttpMethod.GET, path, summary, false, null, HttpStatus.OK, response, false, handler);
    }

    static Operation list(String path, String summary, Class<?> response, Handler handler) {
        return new Operation(HttpMethod.GET, path, summary, false, null, HttpStatus.OK, response, true, handler);
    }

    static Operation create(
            String path,
            String summary,
            @Nullable Class<? extends Record> request,
            Class<?> response,
            Handler handler) {
        return new Operation(
                HttpMethod.POST, path, summary, false, request, HttpStatus.CREATED, response, false, handler);
    }

    static Operation action(
            String path, String summary, Class<? extends Record> request, Class<?> response, Handler handler) {
        return new Operation(HttpMethod.POST, path, summary, false, request, HttpStatus.OK, response, false, handler);
    }

    static Operation put(
            String path, String summary, Class<? extends Record> request, Class<?> response, Handler handler) {
        return new Operation(HttpMethod.PUT, path, summary, false, request, HttpStatus.OK, response, false, handler);
    }

    static Operation delete(String path, String summary, Handler handler) {
        return new Operation(
                HttpMethod.DELETE, path, summary, false, null, HttpStatus.NO_CONTENT, null, false, handler);
    }

    Operation withoutToken() {
        return new Operation(method, path, summary, true, request, success, response, list, handler);
    }

    /** Without an answer: 204. */
    Operation withoutAnswer() {
        return new Operation(method, path, summary, open, request, HttpStatus.NO_CONTENT, null, false, handler);
    }
}

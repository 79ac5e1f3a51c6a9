package dev.drover.controlplane.api;

import com.linecorp.armeria.common.AggregatedHttpRequest;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.common.ResponseHeadersBuilder;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.drover.controlplane.model.AccessToken;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** Puts one {@link Operation} on the wire: token, body, handler, answer. */
final class RestService implements HttpService {
    private final Operation operation;
    private final Authentication authentication;
    private final Executor executor;

    RestService(Operation operation, Authentication authentication, Executor executor) {
        this.operation = operation;
        this.authentication = authentication;
        this.executor = executor;
    }

    @Override
    public HttpResponse serve(ServiceRequestContext context, HttpRequest request) {
        AccessToken token = operation.open() ? null : authentication.require(request.headers(), false);
        return HttpResponse.of(
                request.aggregate().thenApplyAsync(aggregated -> answer(context, aggregated, token), executor));
    }

    private HttpResponse answer(
            ServiceRequestContext context, AggregatedHttpRequest request, @Nullable AccessToken token) {
        Call call = new Call(context, request, token);
        Object result = operation.handler().handle(call);
        ResponseHeadersBuilder headers = ResponseHeaders.builder(operation.success());
        headers.set(HttpHeaderNames.CACHE_CONTROL, "no-store");
        call.answerHeaders().forEach(headers::set);
        if (result == null) {
            return HttpResponse.of(headers.build());
        }
        headers.contentType(MediaType.JSON_UTF_8);
        return HttpResponse.of(headers.build(), HttpData.wrap(Json.bytes(result)));
    }
}

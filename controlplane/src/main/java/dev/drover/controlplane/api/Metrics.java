package dev.drover.controlplane.api;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.LiveState;
import dev.drover.controlplane.repository.Repository;
import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;

/** Counts what the API does and serves all metrics of the process's control plane. */
final class Metrics {
    private final PrometheusRegistry registry;
    private final Counter requests;
    private final Histogram duration;

    Metrics(PrometheusRegistry registry, Repository repository, LiveState live, WatchHub hub) {
        this.registry = registry;
        requests = Counter.builder()
                .name("drover_api_requests_total")
                .help("Answered requests by route and status.")
                .labelNames("method", "route", "status")
                .register(registry);
        duration = Histogram.builder()
                .name("drover_api_request_duration_seconds")
                .help("Time from the first byte of a request to the last of its answer.")
                .labelNames("route")
                .classicOnly()
                .register(registry);
        gauge("drover_store_revision", "Revision of the store.", repository::revision);
        gauge("drover_hosts", "Joined hosts.", () -> repository.list(Kind.HOST).size());
        gauge(
                "drover_hosts_connected",
                "Hosts with a live link.",
                () -> repository.list(Kind.HOST).stream()
                        .map(Host::id)
                        .filter(live::connected)
                        .count());
        gauge(
                "drover_containers",
                "Containers on all hosts, as reported.",
                () -> repository.list(Kind.CONTAINER).size());
        gauge("drover_watch_clients", "Open live watches.", hub::clients);
    }

    private interface Value {
        double get();
    }

    private void gauge(String name, String help, Value value) {
        GaugeWithCallback.builder()
                .name(name)
                .help(help)
                .callback(callback -> callback.call(value.get()))
                .register(registry);
    }

    /** Decorator for every service. */
    HttpResponse count(HttpService delegate, ServiceRequestContext context, HttpRequest request) throws Exception {
        String route = context.config().route().patternString();
        context.log().whenComplete().thenAccept(log -> {
            HttpStatus status = log.responseHeaders().status();
            requests.labelValues(context.method().name(), route, status.codeAsText())
                    .inc();
            duration.labelValues(route).observe(log.totalDurationNanos() / 1e9);
        });
        return delegate.serve(context, request);
    }

    HttpResponse scrape() {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        try {
            PrometheusTextFormatWriter.create().write(text, registry.scrape(), EscapingScheme.UNDERSCORE_ESCAPING);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        ResponseHeaders headers = ResponseHeaders.builder(HttpStatus.OK)
                .set(HttpHeaderNames.CONTENT_TYPE, PrometheusTextFormatWriter.CONTENT_TYPE)
                .build();
        return HttpResponse.of(headers, HttpData.wrap(text.toByteArray()));
    }
}

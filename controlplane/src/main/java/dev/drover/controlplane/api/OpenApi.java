package dev.drover.controlplane.api;

import com.linecorp.armeria.common.HttpStatus;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The OpenAPI 3.1 document, made from the same operations that are routed. */
final class OpenApi {
    private static final Pattern VARIABLE = Pattern.compile("\\{(\\w+)}");
    private static final String JSON = "application/json";
    private final Map<String, Object> schemas = new TreeMap<>();
    private final Map<String, Map<String, Object>> paths = new TreeMap<>();

    /** What is served outside of the REST operations. */
    private record Extra(String path, String summary, String status, String answer, boolean open) {}

    private static final List<Extra> EXTRAS = List.of(
            new Extra("/v1/watch", "Live changes (WebSocket): a snapshot, then changes", "101", "", false),
            new Extra("/v1/link", "Connection of a node (WebSocket), with its host key", "101", "", false),
            new Extra("/metrics", "Prometheus metrics", "200", "text/plain", false));

    private OpenApi() {}

    static Map<String, Object> document(List<Operation> operations, String version) {
        OpenApi openApi = new OpenApi();
        operations.forEach(openApi::add);
        EXTRAS.forEach(openApi::add);
        openApi.schema(ApiException.Envelope.class);
        Map<String, Object> document = new LinkedHashMap<>();
        document.put("openapi", "3.1.0");
        document.put("info", Map.of("title", "Drover", "version", version));
        document.put("security", List.of(Map.of("bearer", List.of())));
        document.put("paths", openApi.paths);
        document.put(
                "components",
                Map.of(
                        "schemas",
                        openApi.schemas,
                        "securitySchemes",
                        Map.of("bearer", Map.of("type", "http", "scheme", "bearer"))));
        return document;
    }

    private void add(Operation operation) {
        Map<String, Object> described = described(operation.path(), operation.summary(), operation.open());
        if (operation.request() != null) {
            described.put(
                    "requestBody",
                    Map.of("required", true, "content", Map.of(JSON, Map.of("schema", schema(operation.request())))));
        }
        Map<String, Object> responses = new LinkedHashMap<>();
        responses.put(operation.success().codeAsText(), success(operation));
        responses.put("default", error());
        described.put("responses", responses);
        put(operation.path(), operation.method().name(), described);
    }

    private void add(Extra extra) {
        Map<String, Object> described = described(extra.path(), extra.summary(), extra.open());
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("description", extra.summary());
        if (!extra.answer().isEmpty()) {
            answer.put("content", Map.of(extra.answer(), Map.of("schema", Map.of("type", "string"))));
        }
        described.put("responses", Map.of(extra.status(), answer, "default", error()));
        put(extra.path(), "GET", described);
    }

    private void put(String path, String method, Map<String, Object> described) {
        paths.computeIfAbsent(path, p -> new TreeMap<>()).put(method.toLowerCase(Locale.ROOT), described);
    }

    private static Map<String, Object> described(String path, String summary, boolean open) {
        Map<String, Object> described = new LinkedHashMap<>();
        described.put("summary", summary);
        if (open) {
            described.put("security", List.of());
        }
        List<Object> parameters = new ArrayList<>();
        Matcher matcher = VARIABLE.matcher(path);
        while (matcher.find()) {
            parameters.add(Map.of(
                    "name",
                    matcher.group(1),
                    "in",
                    "path",
                    "required",
                    true,
                    "description",
                    "id or name",
                    "schema",
                    Map.of("type", "string")));
        }
        if (!parameters.isEmpty()) {
            described.put("parameters", parameters);
        }
        return described;
    }

    private Map<String, Object> success(Operation operation) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("description", operation.success().reasonPhrase());
        if (operation.response() != null && !operation.success().equals(HttpStatus.NO_CONTENT)) {
            Object schema = schema(operation.response());
            answer.put(
                    "content",
                    Map.of(
                            JSON,
                            Map.of("schema", operation.list() ? Map.of("type", "array", "items", schema) : schema)));
        }
        return answer;
    }

    private Map<String, Object> error() {
        return Map.of(
                "description",
                "an error",
                "content",
                Map.of(JSON, Map.of("schema", schema(ApiException.Envelope.class))));
    }

    private Object schema(Type type) {
        if (type instanceof ParameterizedType parameterized) {
            Object of =
                    schema(parameterized.getActualTypeArguments()[parameterized.getActualTypeArguments().length - 1]);
            return parameterized.getRawType() == List.class
                    ? Map.of("type", "array", "items", of)
                    : Map.of("type", "object", "additionalProperties", of);
        }
        Class<?> plain = (Class<?>) type;
        if (plain == String.class) {
            return Map.of("type", "string");
        }
        if (plain == boolean.class || plain == Boolean.class) {
            return Map.of("type", "boolean");
        }
        if (plain == int.class || plain == Integer.class) {
            return Map.of("type", "integer", "format", "int32");
        }
        if (plain == long.class || plain == Long.class) {
            return Map.of("type", "integer", "format", "int64");
        }
        if (!plain.isRecord()) {
            return Map.of("type", "object");
        }
        return record(plain);
    }

    private Object record(Class<?> record) {
        String name =
                record.getEnclosingClass() == null || record.getSimpleName().endsWith("View")
                        ? record.getSimpleName()
                        : record.getEnclosingClass().getSimpleName().replace("Resource", "") + record.getSimpleName();
        if (!schemas.containsKey(name)) {
            schemas.put(name, Map.of()); // ends the recursion of types that hold themselves
            Map<String, Object> properties = new LinkedHashMap<>();
            List<String> required = new ArrayList<>();
            for (RecordComponent component : record.getRecordComponents()) {
                properties.put(component.getName(), schema(component.getGenericType()));
                if (!Json.optional(component)) {
                    required.add(component.getName());
                }
            }
            Map<String, Object> schema = new LinkedHashMap<>();
            schema.put("type", "object");
            schema.put("properties", properties);
            if (!required.isEmpty()) {
                schema.put("required", required);
            }
            schemas.put(name, schema);
        }
        return Map.of("$ref", "#/components/schemas/" + name);
    }
}

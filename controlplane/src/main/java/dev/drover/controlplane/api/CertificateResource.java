package dev.drover.controlplane.api;

import dev.drover.controlplane.model.Certificate;
import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.Repository;
import dev.drover.controlplane.repository.Transaction;
import dev.drover.controlplane.security.CertificatePair;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Certificates of an environment, for its load balancers. Private keys go in and never come out. */
final class CertificateResource {
    private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?");

    private final Repository repository;
    private final Lookup lookup;

    /** A certificate and its key as PEM. */
    record CertificateFiles(String certificate, String key) {
        /** Without what is in it, wherever it may be shown. */
        @Override
        public String toString() {
            return "CertificateFiles";
        }
    }

    /**
     * @param names it is good for
     * @param sha256 of the certificate, hex
     * @param usedBy load balancers, {@code stack/service}
     */
    record CertificateView(String name, List<String> names, String notAfter, String sha256, List<String> usedBy) {}

    CertificateResource(Repository repository, Lookup lookup) {
        this.repository = repository;
        this.lookup = lookup;
    }

    List<Operation> operations() {
        String all = "/v1/environments/{environment}/certificates";
        String one = all + "/{certificate}";
        return List.of(
                Operation.list(all, "List certificates, without their keys", CertificateView.class, this::list),
                Operation.put(
                        one,
                        "Add a certificate with its key, or put another in its place",
                        CertificateFiles.class,
                        CertificateView.class,
                        this::put),
                Operation.delete(one, "Delete a certificate that no load balancer uses", this::delete));
    }

    private List<CertificateView> list(Call call) {
        Environment environment = lookup.environment(call);
        List<Service> services = repository.list(Kind.SERVICE, environment.id());
        return repository.list(Kind.CERTIFICATE, environment.id()).stream()
                .map(certificate -> view(certificate, services))
                .toList();
    }

    private CertificateView put(Call call) {
        Environment environment = lookup.environment(call);
        String name = name(call);
        if (!NAME.matcher(name).matches()) {
            throw ApiException.invalid(
                    "certificate",
                    "certificate: " + name
                            + " (expected: 1 to 63 letters, digits, '.', '-' and '_', a letter or digit at either end)");
        }
        CertificateFiles files = call.body(CertificateFiles.class);
        pair(files.certificate(), files.key());
        Certificate wanted = new Certificate(environment.id(), name, files.certificate(), files.key());
        repository.update(tx -> {
            tx.serialize(environment.id());
            if (tx.get(Kind.ENVIRONMENT, environment.id()).isEmpty()) {
                throw ApiException.notFound("environment", environment.name());
            }
            tx.get(Kind.CERTIFICATE, environment.id(), name);
            tx.put(Kind.CERTIFICATE, wanted);
        });
        return view(wanted, repository.list(Kind.SERVICE, environment.id()));
    }

    private @Nullable Object delete(Call call) {
        Environment environment = lookup.environment(call);
        String name = name(call);
        repository.update(tx -> {
            tx.serialize(environment.id());
            Certificate certificate = tx.get(Kind.CERTIFICATE, environment.id(), name)
                    .orElseThrow(() -> ApiException.notFound("certificate", name));
            List<String> users = users(name, tx.list(Kind.SERVICE, environment.id()));
            if (!users.isEmpty()) {
                throw ApiException.blocked(
                        "certificate",
                        "certificate: " + name + " is in use (expected: take it out of these first)",
                        users);
            }
            tx.delete(Kind.CERTIFICATE, certificate);
        });
        return null;
    }

    /**
     * @param stackId of the stack whose services are checked
     * @throws ApiException naming the service and the certificate that does not exist
     */
    static void requireKnown(Transaction tx, String environmentId, String stackId, Iterable<Service> services) {
        Set<String> known = new TreeSet<>();
        tx.list(Kind.CERTIFICATE, environmentId).forEach(certificate -> known.add(certificate.name()));
        for (Service service : services) {
            if (!service.removed() && service.stackId().equals(stackId)) {
                for (String name : names(service)) {
                    if (!known.contains(name)) {
                        throw ApiException.invalid(
                                "compose.services." + service.name() + ".lb_config.certs",
                                "certs: " + name
                                        + " does not exist (expected: a certificate of the environment, which has "
                                        + (known.isEmpty() ? "none" : String.join(", ", known)) + ")");
                    }
                }
            }
        }
    }

    private static CertificateView view(Certificate certificate, List<Service> services) {
        CertificatePair pair = pair(certificate.certificate(), certificate.key());
        return new CertificateView(
                certificate.name(),
                pair.names(),
                pair.notAfter().toString(),
                pair.sha256(),
                users(certificate.name(), services));
    }

    private static CertificatePair pair(String certificate, String key) {
        try {
            return CertificatePair.of(certificate, key);
        } catch (CertificatePair.Refused e) {
            throw ApiException.invalid(e.field(), String.valueOf(e.getMessage()));
        }
    }

    private static List<String> users(String name, List<Service> services) {
        List<String> users = new ArrayList<>();
        for (Service service : services) {
            if (!service.removed() && names(service).contains(name)) {
                users.add(service.stackName() + "/" + service.name());
            }
        }
        return users;
    }

    private static Set<String> names(Service service) {
        Set<String> names = new TreeSet<>();
        for (Service.PortRule rule : service.portRules()) {
            Service.Tls tls = rule.tls();
            if (tls != null) {
                names.addAll(tls.all());
            }
        }
        return names;
    }

    private static String name(Call call) {
        return call.path("certificate").toLowerCase(Locale.ROOT);
    }
}

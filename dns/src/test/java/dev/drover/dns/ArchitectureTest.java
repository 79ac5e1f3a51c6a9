package dev.drover.dns;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

final class ArchitectureTest {
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.drover.dns");

    @Test
    void dependsOnTheDataplaneOnly() {
        classes()
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(
                        "dev.drover.dns..",
                        "dev.drover.dataplane..",
                        "java..",
                        "io.netty..",
                        "org.xbill.DNS..",
                        "io.prometheus.metrics..",
                        "org.slf4j..",
                        "org.jspecify..",
                        "javax.net.ssl..")
                .check(CLASSES);
    }

    @Test
    void thePathOfAQueryNeitherLogsNorKnowsTheConfiguration() {
        noClasses()
                .that()
                .resideInAnyPackage("dev.drover.dns.path", "dev.drover.dns.resolve", "dev.drover.dns.wire")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.drover.dns", "org.slf4j..", "io.prometheus..")
                .check(CLASSES);
    }

    @Test
    void upstreamsAreAskedWithoutKnowingClients() {
        noClasses()
                .that()
                .resideInAnyPackage("dev.drover.dns.resolve", "dev.drover.dns.wire")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.drover.dns.path")
                .check(CLASSES);
    }
}

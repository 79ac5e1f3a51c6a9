package dev.drover.lb;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class ArchitectureTest {
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.drover.lb");

    @Test
    void the_hot_path_knows_neither_cold_code_nor_logs() {
        noClasses()
                .that()
                .resideInAPackage("dev.drover.lb.path")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.drover.lb", "org.slf4j..", "io.prometheus..", "java.util.regex..")
                .check(CLASSES);
    }

    @Test
    void the_load_balancer_knows_of_ours_only_the_dataplane() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.drover.overlay..",
                        "dev.drover.dns..",
                        "dev.drover.node..",
                        "dev.drover.controlplane..",
                        "com.github.dockerjava..")
                .check(CLASSES);
    }
}

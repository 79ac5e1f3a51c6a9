package dev.drover.lab;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class LabRulesTest {
    private final JavaClasses classes = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.drover");

    @Test
    void theLabUsesDroverOnlyByItsCommandAndItsApi() {
        noClasses()
                .that()
                .resideInAPackage("dev.drover.lab..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.drover.node..",
                        "dev.drover.controlplane..",
                        "dev.drover.overlay..",
                        "dev.drover.lb..",
                        "dev.drover.dns..")
                .check(classes);
    }
}

package dev.drover.dataplane;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class DependencyRulesTest {
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.drover.dataplane");

    @Test
    void dataplaneKnowsNoOtherModuleOfOurs() {
        noClasses()
                .should()
                .dependOnClassesThat(
                        resideInAnyPackage("dev.drover..").and(resideOutsideOfPackage("dev.drover.dataplane..")))
                .check(CLASSES);
    }

    @Test
    void hotCodeNeitherLogsNorTouchesColdCode() {
        noClasses()
                .that()
                .resideInAPackage("dev.drover..path..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.slf4j..", "dev.drover..ctl..", "java.util.logging..", "java.util.regex..")
                .allowEmptyShould(true)
                .check(CLASSES);
    }
}

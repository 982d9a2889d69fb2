using System.Management.Automation;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace StableDiffusion.Tests.Module;

/// <summary>What lies in the module folder.</summary>
public sealed class ModuleFolderTests
{
    private static readonly string[] s_platforms = ["linux-arm64", "linux-x64", "osx-arm64", "win-arm64", "win-x64"];

    [Fact]
    public void The_manifest_is_valid_and_exports_the_cmdlet_classes_alone()
    {
        using ModuleShell shell = new();
        shell.Set("manifest", BuiltModule.Manifest);
        ShellResult result = shell.Invoke("Test-ModuleManifest $manifest");

        Assert.False(result.HadErrors);
        PSModuleInfo module = Assert.Single(result.Values<PSModuleInfo>());
        IEnumerable<string> classes = typeof(SdPowerShell.ModuleInitializer).Assembly.GetExportedTypes()
            .Select(type => type.GetCustomAttribute<CmdletAttribute>())
            .OfType<CmdletAttribute>()
            .Select(cmdlet => $"{cmdlet.VerbName}-{cmdlet.NounName}");
        Assert.Equal(classes.Order(StringComparer.Ordinal), module.ExportedCmdlets.Keys.Order(StringComparer.Ordinal));
        Assert.Empty(module.ExportedFunctions);
        Assert.Empty(module.ExportedAliases);
        Assert.Empty(module.ExportedVariables);
        Assert.Equal(typeof(DiffusionException).Assembly.GetName().Version!.ToString(3), module.Version.ToString(3));
    }

    [Fact]
    public void The_natives_are_those_of_five_platforms_and_no_other_file_is_among_them()
    {
        string runtimes = BuiltModule.Path("engine", "runtimes");
        Assert.Equal(s_platforms, Directory.GetDirectories(runtimes).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        foreach (string platform in s_platforms)
        {
            string[] files = [.. Directory.GetFiles(Path.Combine(runtimes, platform), "*", SearchOption.AllDirectories).Select(file => Path.GetFileName(file))];
            string extension = platform[..3] switch { "win" => ".dll", "osx" => ".dylib", _ => ".so" };

            Assert.All(files, file => Assert.Equal(extension, Path.GetExtension(file)));
            Assert.Contains(files, file => file.Contains("onnxruntime", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void The_demo_model_comes_with_the_module_whole()
    {
        string model = BuiltModule.Path("model");

        Assert.Equal(Listing(Repository.DemoModel), Listing(model));
    }

    [Fact]
    public void The_engine_knows_nothing_of_PowerShell()
    {
        using PEReader file = new(File.OpenRead(BuiltModule.Path("engine", "StableDiffusion.dll")));
        MetadataReader metadata = file.GetMetadataReader();
        IEnumerable<string> references = metadata.AssemblyReferences
            .Select(reference => metadata.GetString(metadata.GetAssemblyReference(reference).Name));

        Assert.DoesNotContain(references, name => name.Contains("Automation", StringComparison.Ordinal) || name.Contains("PowerShell", StringComparison.Ordinal));
    }

    [Fact]
    public void The_engine_of_the_module_is_the_one_that_the_tests_run()
    {
        using PEReader file = new(File.OpenRead(BuiltModule.Path("engine", "StableDiffusion.dll")));
        MetadataReader metadata = file.GetMetadataReader();

        Assert.Equal(typeof(DiffusionException).Module.ModuleVersionId, metadata.GetGuid(metadata.GetModuleDefinition().Mvid));
    }

    private static IEnumerable<(string Name, long Length)> Listing(string folder) => Directory
        .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .Select(file => (Path.GetRelativePath(folder, file), new FileInfo(file).Length))
        .Order();
}

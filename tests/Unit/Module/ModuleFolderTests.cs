using System.Management.Automation;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace StableDiffusion.Tests.Module;

/// <summary>What lies in the module folder.</summary>
public sealed partial class ModuleFolderTests
{
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
    public void The_natives_are_those_of_the_platforms_that_the_build_is_for_and_no_other_file_is_among_them()
    {
        string runtimes = BuiltModule.Path("engine", "runtimes");
        Assert.Equal(BuiltModule.Platforms.Order(StringComparer.Ordinal), Directory.GetDirectories(runtimes).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        foreach (string platform in BuiltModule.Platforms)
        {
            string[] files = [.. Directory.GetFiles(Path.Combine(runtimes, platform), "*", SearchOption.AllDirectories).Select(file => Path.GetFileName(file))];
            (string prefix, string extension) = platform[..3] switch { "win" => ("", ".dll"), "osx" => ("lib", ".dylib"), _ => ("lib", ".so") };

            Assert.All(files, file => Assert.Equal(extension, Path.GetExtension(file)));
            Assert.Contains($"{prefix}onnxruntime{extension}", files);
            bool hasCuda = BuiltModule.OnnxRuntime == "Gpu" && platform is "win-x64" or "linux-x64";
            Assert.Equal(hasCuda, files.Contains($"{prefix}onnxruntime_providers_cuda{extension}"));
            // The CUDA provider is linked to it.
            Assert.True(!hasCuda || files.Contains($"{prefix}onnxruntime_providers_shared{extension}"));
        }
    }

    [Fact]
    public void The_engine_loads_just_the_natives_that_are_there()
    {
        // The load context of the engine finds them by this file.
        using JsonDocument dependencies = JsonDocument.Parse(File.ReadAllBytes(BuiltModule.Path("engine", "StableDiffusion.deps.json")));
        IEnumerable<string> named = dependencies.RootElement.GetProperty("targets").EnumerateObject()
            .SelectMany(target => target.Value.EnumerateObject())
            .Where(library => library.Value.TryGetProperty("runtimeTargets", out _))
            .SelectMany(library => library.Value.GetProperty("runtimeTargets").EnumerateObject())
            .Select(native => native.Name);

        Assert.Equal(Listing(BuiltModule.Path("engine", "runtimes")).Select(file => $"runtimes/{file.Name.Replace('\\', '/')}"), named.Order());
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

        string[] literals = [.. Literals(metadata)];
        Assert.Contains(literals, literal => literal.Contains("There is no ControlNet", StringComparison.Ordinal));
        Assert.DoesNotContain(literals, literal => CommandOrParameter().IsMatch(literal));
    }

    [Theory]
    [InlineData("Close it with Clear-DiffusionCache.", true)]
    [InlineData("Delete it with Remove-Item.", true)]
    [InlineData("Or use -Device Auto.", true)]
    [InlineData("StableDiffusion-PowerShell", false)]
    [InlineData("-Infinity", false)]
    [InlineData("DPM++ 2M Karras, text-to-image", false)]
    public void A_command_or_parameter_in_a_message_is_seen(string literal, bool isOne) => Assert.Equal(isOne, CommandOrParameter().IsMatch(literal));

    [Fact]
    public void The_engine_of_the_module_is_the_one_that_the_tests_run()
    {
        using PEReader file = new(File.OpenRead(BuiltModule.Path("engine", "StableDiffusion.dll")));
        MetadataReader metadata = file.GetMetadataReader();

        Assert.Equal(typeof(DiffusionException).Module.ModuleVersionId, metadata.GetGuid(metadata.GetModuleDefinition().Mvid));
    }

    /// <summary>A cmdlet's name, by PowerShell's more frequent verbs and those of the module, or a parameter with its dash.</summary>
    [GeneratedRegex(@"\b(Add|Clear|Convert|ConvertFrom|ConvertTo|Copy|Export|Find|Get|Import|Install|Invoke|Join|Measure|Move|New|Open|Out|Read|Remove|Rename|Reset|Save|Select|Set|Show|Start|Stop|Test|Update|Use|Wait|Write)-[A-Z][a-z]\w*|\s-[A-Z]\w+")]
    private static partial Regex CommandOrParameter();

    private static IEnumerable<string> Literals(MetadataReader metadata)
    {
        for (UserStringHandle handle = metadata.GetNextHandle(MetadataTokens.UserStringHandle(0)); !handle.IsNil; handle = metadata.GetNextHandle(handle))
            yield return metadata.GetUserString(handle);
    }

    private static IEnumerable<(string Name, long Length)> Listing(string folder) => Directory
        .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .Select(file => (Path.GetRelativePath(folder, file), new FileInfo(file).Length))
        .Order();
}

using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace StableDiffusion.Tests.Module;

/// <summary>The module as the build assembled it.</summary>
internal static class BuiltModule
{
    public static string Folder { get; } = Metadata("ModuleFolder");

    public static string Manifest { get; } = System.IO.Path.Combine(Folder, "StableDiffusion.psd1");

    /// <summary>The platforms that it was built for, such as <c>linux-x64</c>.</summary>
    public static IReadOnlyList<string> Platforms { get; } = Metadata("ModulePlatforms").Split(';');

    /// <summary>Which packages of ONNX Runtime it was built with: <c>Gpu</c> or <c>Cpu</c>.</summary>
    public static string OnnxRuntime { get; } = Metadata("OnnxRuntime");

    /// <summary>The assembly of the PowerShell that the build restored, for processes of its own.</summary>
    public static string PowerShell { get; } = Metadata("PowerShellPath");

    /// <summary>The program that the build makes the help with.</summary>
    public static string HelpGenerator { get; } = Metadata("HelpGeneratorPath");

    public static string Path(params string[] parts) => System.IO.Path.Combine([Folder, .. parts]);

    /// <summary>
    /// The tests compile against the cmdlets, but what they run is the assembly of the module folder, the same one
    /// that PowerShell imports.
    /// </summary>
    [ModuleInitializer]
    internal static void ResolveCmdlets() => AssemblyLoadContext.Default.Resolving += (context, name) =>
        name.Name == "SdPowerShell" ? context.LoadFromAssemblyPath(Path("SdPowerShell.dll")) : null;

    private static string Metadata(string key) => typeof(BuiltModule).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == key).Value!;
}

using System.Reflection;

namespace StableDiffusion.Tests.Module;

/// <summary>How the module loads.</summary>
public sealed class ImportTests(SharedShell shell)
{
    private const string EngineFiles = """
        $engine = [System.IO.Path]::Combine((Get-Module StableDiffusion).ModuleBase, 'engine')
        $loaded = [System.Diagnostics.Process]::GetCurrentProcess().Modules | ForEach-Object FileName
        $loaded += [System.AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { -not $_.IsDynamic } | ForEach-Object Location
        $loaded | Where-Object { $_.StartsWith($engine) } | ForEach-Object { [System.IO.Path]::GetFileName($_) }
        """;

    [Fact]
    public async Task Import_loads_the_cmdlets_and_nothing_of_the_engine()
    {
        ShellProcess.Result result = await ShellProcess.Run("(Get-Module StableDiffusion).ExportedCommands.Count -gt 0\n" + EngineFiles);
        Assert.Equal("True", Succeeded(result));
    }

    [Fact]
    public async Task The_first_cmdlet_loads_the_engine_and_its_natives_from_the_module_folder()
    {
        ShellProcess.Result result = await shell.Run("$null = Get-DiffusionDevice\n" + EngineFiles);
        Succeeded(result);
        Assert.Contains("StableDiffusion.dll", result.Lines);
        Assert.Contains("Microsoft.ML.OnnxRuntime.dll", result.Lines);
        Assert.Contains(result.Lines, line => line is "libonnxruntime.so" or "onnxruntime.dll" or "libonnxruntime.dylib");
    }

    [Fact]
    public async Task The_engine_lives_in_a_load_context_of_its_own()
    {
        ShellProcess.Result result = await shell.Run("""
            $device = Get-DiffusionDevice Cpu
            [System.Runtime.Loader.AssemblyLoadContext]::GetLoadContext($device.GetType().Assembly).Name
            [System.Runtime.Loader.AssemblyLoadContext]::Default.Assemblies | Where-Object Location -like '*engine*' | ForEach-Object Location
            """);
        Assert.Equal("StableDiffusion", Succeeded(result));
    }

    [Theory]
    [InlineData("Import-Module $manifest -Force")]
    [InlineData("Remove-Module StableDiffusion; Import-Module $manifest")]
    [InlineData("Import-Module $manifest; Import-Module $manifest")]
    [InlineData("$before = Get-DiffusionDevice Cpu; Remove-Module StableDiffusion; if ($before.Name -ne 'Cpu') { exit 9 }; Import-Module $manifest")]
    public async Task The_module_can_be_imported_again(string again)
    {
        ShellProcess.Result result = await shell.Run($"""
            $manifest = '{BuiltModule.Manifest}'
            {again}
            (Get-DiffusionDevice Cpu).Name
            {again}
            (Get-DiffusionDevice Cpu).Name
            """);
        Assert.Equal("Cpu\nCpu", Succeeded(result));
    }

    [Fact]
    public async Task A_second_runspace_shares_the_engine()
    {
        ShellProcess.Result result = await shell.Run("""
            $own = (Get-DiffusionDevice Cpu).GetType()
            $other = 1..2 | ForEach-Object -Parallel { (Get-DiffusionDevice Cpu).GetType() }
            $other | ForEach-Object { $own -eq $_ }
            """);
        Assert.Equal("True\nTrue", Succeeded(result));
    }

    [Fact]
    public async Task The_module_can_be_imported_with_a_prefix()
    {
        ShellProcess.Result result = await shell.Run($"""
            $manifest = '{BuiltModule.Manifest}'
            Remove-Module StableDiffusion
            Import-Module $manifest -Prefix My
            (Get-MyDiffusionDevice Cpu).Name
            Import-Module $manifest -Force
            """);
        Assert.Equal("Cpu", Succeeded(result));
    }

    [Fact]
    public void Every_public_class_can_be_loaded_before_the_engine_is_found()
    {
        // What PowerShell does before it calls the initializer; the field or base class at fault is named here.
        IEnumerable<string> needed =
            from type in typeof(SdPowerShell.ModuleInitializer).Assembly.GetExportedTypes()
            from part in Layout(type)
            where part.Type.Assembly == typeof(DiffusionException).Assembly
            select $"{type.Name}: {part.Name}";

        Assert.Empty(needed);
    }

    private static IEnumerable<(string Name, Type Type)> Layout(Type type)
    {
        const BindingFlags Declared = BindingFlags.DeclaredOnly
            | BindingFlags.Instance | BindingFlags.Static
            | BindingFlags.Public | BindingFlags.NonPublic;

        if (type.BaseType is Type @base)
            yield return ("base class", @base);
        foreach (Type implemented in type.GetInterfaces())
            yield return ("interface", implemented);
        foreach (FieldInfo field in type.GetFields(Declared).Where(field => field.FieldType.IsValueType))
            yield return (field.Name, Nullable.GetUnderlyingType(field.FieldType) ?? field.FieldType);
    }

    private static string Succeeded(ShellProcess.Result result)
    {
        Assert.Equal(string.Empty, result.Errors);
        Assert.Equal(0, result.ExitCode);
        return result.Output;
    }
}

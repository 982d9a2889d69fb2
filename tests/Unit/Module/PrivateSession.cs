using System.ComponentModel;
using System.Diagnostics;
using StableDiffusion.Storage;
using StableDiffusion.Tests.Pipelines;

namespace StableDiffusion.Tests.Module;

/// <summary>
/// A whole session of the module in a process of its own, with a home, a cache and a folder for temporary files of its own and,
/// where the system allows it, without any network. It runs once, for the first test that asks.
/// </summary>
public sealed class PrivateSession : IDisposable
{
    // The steps of the second image take the seconds after which ONNX Runtime would first send what it collects.
    private const string Script = """
        $ErrorActionPreference = 'Stop'
        $null = Get-DiffusionDevice
        $latent = Get-TextEmbedding 'a red house' | Invoke-Denoise -Seed 1 -Steps 2
        $latent | ConvertFrom-Latent | Export-DiffusionImage stages.png
        $null = ConvertTo-Latent stages.png
        $null = New-DiffusionImage 'a red house' -Seed 1 -Steps 120 -OutFile whole.png
        $null = Get-DiffusionMetadata whole.png
        $null = Import-DiffusionModel $env:SOURCE_MODEL -Name tiny
        (Test-DiffusionModel tiny).Problems
        (Get-DiffusionModel).Name
        """;

    /// <summary>What makes ONNX Runtime quiet by itself; a user has none of them.</summary>
    private static readonly string[] s_quieting =
    [
        "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "TF_BUILD", "GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "TRAVIS", "JENKINS_URL",
        "CODEBUILD_BUILD_ID", "BUILDKITE", "TEAMCITY_VERSION", "APPVEYOR", "BITBUCKET_BUILD_NUMBER", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI",
    ];

    private readonly TemporaryFolder _folder = new();
    private readonly Lazy<Task<ShellProcess.Result>> _run;

    public PrivateSession() => _run = new(Run);

    /// <summary>Whether this system lets a user have a network of their own, which is empty.</summary>
    public static bool CanLeaveNetwork { get; } = OperatingSystem.IsLinux() && TryLeaveNetwork();

    public void Dispose() => _folder.Dispose();

    /// <summary>What the session wrote and, after it, the counters of its network.</summary>
    internal async Task<ShellProcess.Result> Result() => await _run.Value;

    /// <summary>The files that are there after the session, outside the module's own folders and without those of PowerShell and .NET.</summary>
    internal async Task<IReadOnlyList<string>> ForeignFiles()
    {
        await _run.Value;
        return
        [
            .. Directory.EnumerateFiles(_folder.Path, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None })
                .Select(file => Path.GetRelativePath(_folder.Path, file))
                .Where(static file => !file.StartsWith("cache/StableDiffusion/", StringComparison.Ordinal)
                    && !file.StartsWith("data/StableDiffusion/", StringComparison.Ordinal)
                    && !file.StartsWith("cache/powershell/StartupProfileData-", StringComparison.Ordinal)
                    && !file.StartsWith("cache/powershell/ModuleAnalysisCache", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal),
        ];
    }

    private Task<ShellProcess.Result> Run()
    {
        ProcessStartInfo start = ShellProcess.StartInfo(BuiltModule.PowerShell, ShellProcess.ScriptArguments(Script));
        foreach (string variable in s_quieting)
            start.Environment.Remove(variable);
        foreach (string variable in (string[])[StorageFolders.CacheVariable, StorageFolders.ModelsVariable, StorageFolders.ControlNetsVariable, StorageFolders.VaesVariable, StorageFolders.UpscalersVariable, StorageFolders.DetectorsVariable])
            start.Environment.Remove(variable);
        start.Environment["HOME"] = Folder("home");
        start.Environment["XDG_CACHE_HOME"] = Folder("cache");
        start.Environment["XDG_DATA_HOME"] = Folder("data");
        start.Environment["XDG_CONFIG_HOME"] = Folder("config");
        start.Environment["TMPDIR"] = Folder("tmp");
        start.Environment["POWERSHELL_UPDATECHECK"] = "Off";
        start.Environment["SOURCE_MODEL"] = FamilyReference.Find("sd1", "sd1-tiny.safetensors");
        start.WorkingDirectory = Folder("work");
        if (CanLeaveNetwork)
        {
            // The counters are those of the network of the process that reads them; they are read after the last thread has ended.
            string[] command = ["--map-root-user", "--net", "sh", "-c", "\"$@\"; code=$?; cat /proc/net/snmp /proc/net/snmp6; exit $code", "sh", start.FileName, .. start.ArgumentList];
            start.FileName = "unshare";
            start.ArgumentList.Clear();
            foreach (string argument in command)
                start.ArgumentList.Add(argument);
        }

        return ShellProcess.Run(start);
    }

    private string Folder(string name) => Directory.CreateDirectory(_folder[name]).FullName;

    private static bool TryLeaveNetwork()
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("unshare", ["--map-root-user", "--net", "true"]) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}

using System.Management.Automation;
using StableDiffusion.Images;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>Base of the tests of cmdlets: a shell whose current location is an empty folder.</summary>
[Collection(CommandCollection.Name)]
public abstract class CommandTests : IDisposable
{
    private readonly ModuleShell _shell;

    protected CommandTests(CommandShell fixture)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        _shell = fixture.Shell;
        _shell.Set("folder", Folder.Path);
        Assert.False(_shell.Invoke("$ExecutionContext.SessionState.Path.SetLocation($folder)").HadErrors);
    }

    /// <summary>The current location of the shell, <c>$folder</c> in scripts.</summary>
    protected TemporaryFolder Folder { get; } = new();

    /// <summary>A picture of 64x64 pixels.</summary>
    protected static string Scene { get; } = Repository.Data("images", "scene.png");

    /// <summary>The names of the files and folders in <see cref="Folder"/>.</summary>
    protected IEnumerable<string> Names => Directory.EnumerateFileSystemEntries(Folder.Path, "*", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(Folder.Path, path).Replace('\\', '/'))
        .Order(StringComparer.Ordinal);

    /// <summary>Raised for each progress record, while the script runs.</summary>
    protected event Action<ProgressRecord> ProgressWritten
    {
        add => _shell.ProgressWritten += value;
        remove => _shell.ProgressWritten -= value;
    }

    public virtual void Dispose()
    {
        Assert.False(_shell.Invoke("$ExecutionContext.SessionState.Path.SetLocation([System.IO.Path]::GetTempPath())").HadErrors);
        Folder.Dispose();
        GC.SuppressFinalize(this);
    }

    protected void Set(string variable, object? value) => _shell.Set(variable, value);

    protected void Stop() => _shell.Stop();

    /// <summary>Runs a script that makes one image, without errors.</summary>
    protected DiffusionImage Picture(string script) => Assert.Single(RunWell(script).Values<DiffusionImage>());

    /// <summary>Runs a script that may write errors.</summary>
    private protected ShellResult Run(string script, params object?[] input) => _shell.Invoke(script, input);

    /// <summary>Runs a script that must not write any.</summary>
    private protected ShellResult RunWell(string script, params object?[] input)
    {
        ShellResult result = Run(script, input);
        Assert.Empty(result.Errors);
        Assert.Null(result.TerminatingError);
        return result;
    }

    /// <summary>The one error of a run, which must be of this cmdlet and have this id and category.</summary>
    private protected static ErrorRecord AssertError(ShellResult result, string id, ErrorCategory category, string cmdlet)
    {
        Assert.Null(result.TerminatingError);
        ErrorRecord record = Assert.Single(result.Errors);
        Assert.Equal($"{id},SdPowerShell.Commands.{cmdlet}Command", record.FullyQualifiedErrorId);
        Assert.Equal(category, record.CategoryInfo.Category);
        return record;
    }

    protected static object? Unwrap(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;
}

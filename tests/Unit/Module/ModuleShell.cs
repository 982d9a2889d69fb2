using System.Management.Automation;
using System.Management.Automation.Host;
using System.Management.Automation.Runspaces;

namespace StableDiffusion.Tests.Module;

/// <summary>
/// A runspace in this process that has the built module imported, for tests of what cmdlets do: they see the objects
/// themselves. The engine in it is the tests' own copy, built from the same sources, so that its types can be cast
/// to; what the private load context does is tested in a process of its own, by <see cref="ShellProcess"/>.
/// </summary>
internal sealed class ModuleShell : IDisposable
{
    private readonly Runspace _runspace;
    private readonly Lock _lock = new();
    private PowerShell? _running;

    /// <summary>Opens the runspace and imports the module.</summary>
    /// <param name="cmdlets">Cmdlets of the tests, to be there as well.</param>
    public ModuleShell(params Type[] cmdlets)
        : this(host: null, cmdlets)
    {
    }

    /// <summary>Opens the runspace with a host that answers questions, and imports the module.</summary>
    /// <param name="host">The host; null for one that cannot be asked.</param>
    /// <param name="cmdlets">Cmdlets of the tests, to be there as well.</param>
    public ModuleShell(PSHost? host, params Type[] cmdlets)
    {
        InitialSessionState state = InitialSessionState.CreateDefault2();
        if (OperatingSystem.IsWindows())
            state.ExecutionPolicy = Microsoft.PowerShell.ExecutionPolicy.Bypass;

        state.ImportPSModule([BuiltModule.Manifest]);
        state.ThrowOnRunspaceOpenError = true;
        foreach (Type cmdlet in cmdlets)
        {
            CmdletAttribute name = (CmdletAttribute)Attribute.GetCustomAttribute(cmdlet, typeof(CmdletAttribute))!;
            state.Commands.Add(new SessionStateCmdletEntry($"{name.VerbName}-{name.NounName}", cmdlet, helpFileName: null));
        }

        _runspace = host is null ? RunspaceFactory.CreateRunspace(state) : RunspaceFactory.CreateRunspace(host, state);
        _runspace.Open();
    }

    /// <summary>Raised for each progress record, while the script runs.</summary>
    public event Action<ProgressRecord>? ProgressWritten;

    /// <summary>Makes an object known to the scripts as a variable.</summary>
    public void Set(string variable, object? value) => _runspace.SessionStateProxy.SetVariable(variable, value);

    /// <summary>Runs a script to its end. An exception of the module that nothing foresaw fails the test, whatever the test looks at.</summary>
    /// <param name="script">The script; <c>$input</c> holds the input.</param>
    /// <param name="input">What is piped to the script.</param>
    /// <returns>All that the script wrote, and how it ended.</returns>
    public ShellResult Invoke(string script, params object?[] input)
    {
        ShellResult result = InvokeDefect(script, input);
        ErrorRecord? defect = result.Errors.Append(result.TerminatingError).FirstOrDefault(static error => error?.FullyQualifiedErrorId.StartsWith("UnexpectedError,", StringComparison.Ordinal) == true);
        Assert.True(defect is null, defect?.Exception.ToString());
        return result;
    }

    /// <summary>Runs a script as <see cref="Invoke"/> does, that may end in an exception that nothing foresaw.</summary>
    /// <inheritdoc cref="Invoke"/>
    public ShellResult InvokeDefect(string script, params object?[] input)
    {
        using PowerShell shell = PowerShell.Create(_runspace);
        shell.AddScript(script);
        shell.Streams.Progress.DataAdded += (_, added) => ProgressWritten?.Invoke(shell.Streams.Progress[added.Index]);

        PSDataCollection<PSObject> output = [];
        ErrorRecord? terminatingError = null;
        SetRunning(shell);
        try
        {
            shell.Invoke(input, output, settings: null);
        }
        catch (PipelineStoppedException)
        {
            // Told by the state.
        }
        catch (RuntimeException error)
        {
            terminatingError = error.ErrorRecord;
        }
        finally
        {
            SetRunning(null);
        }

        return new ShellResult
        {
            Output = [.. output],
            Errors = [.. shell.Streams.Error],
            TerminatingError = terminatingError,
            Stopped = shell.InvocationStateInfo.State == PSInvocationState.Stopped,
            Warnings = [.. shell.Streams.Warning.Select(record => record.Message)],
            Verbose = [.. shell.Streams.Verbose.Select(record => record.Message)],
            Debug = [.. shell.Streams.Debug.Select(record => record.Message)],
            Progress = [.. shell.Streams.Progress],
        };
    }

    /// <summary>Stops the script that another thread runs, as Ctrl+C does.</summary>
    public void Stop()
    {
        lock (_lock)
            _running?.Stop();
    }

    /// <inheritdoc/>
    public void Dispose() => _runspace.Dispose();

    /// <summary>Waits for a stop that is under way, which needs the shell.</summary>
    private void SetRunning(PowerShell? shell)
    {
        lock (_lock)
            _running = shell;
    }
}

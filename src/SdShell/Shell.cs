using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;
using System.Reflection;
using Microsoft.PowerShell;

namespace SdShell;

/// <summary>Runs commands, scripts or a prompt in one runspace that has the module imported.</summary>
internal sealed class Shell : IDisposable
{
    private const int Failed = 1;
    private const int Cancelled = 130;

    private readonly ShellHost _host = new();
    private readonly Runspace _runspace;
    private readonly Lock _lock = new();
    private PowerShell? _running;
    private IAsyncResult? _stopping;
    private bool _cancelled;

    public Shell()
    {
        // Where ForEach-Object -Parallel and other runspaces find the module by its name.
        string modules = Path.GetDirectoryName(ModuleFolder)!;
        Environment.SetEnvironmentVariable(
            "PSModulePath", string.Join(Path.PathSeparator, modules, Environment.GetEnvironmentVariable("PSModulePath")));

        InitialSessionState state = InitialSessionState.CreateDefault2();
        if (OperatingSystem.IsWindows())
            state.ExecutionPolicy = ExecutionPolicy.Bypass;

        _runspace = RunspaceFactory.CreateRunspace(_host, state);
        _runspace.Open();
        Console.CancelKeyPress += OnCancelKeyPress;
    }

    private static string ModuleFolder { get; } = Path.TrimEndingDirectorySeparator(typeof(Shell).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == nameof(ModuleFolder)).Value!);

    private int Outcome => _host.ExitCode ?? (_cancelled ? Cancelled : _host.UserInterface.ErrorShown ? Failed : 0);

    /// <summary>Does what the command line asks for.</summary>
    /// <returns>
    /// The exit code: the script's own <c>exit</c>, or 130 after Ctrl+C, or 1 if an error was shown, or 0.
    /// </returns>
    public int Run(ShellOptions options)
    {
        if (!options.NoModule)
            Invoke(shell => shell.AddCommand("Import-Module").AddParameter("Name", Path.Combine(ModuleFolder, "StableDiffusion.psd1")));
        if (Outcome != 0)
            return Outcome;

        if (options.File is not null)
            Invoke(shell => AddFile(shell, options.File, options.FileArguments));
        else if (options.Command is not null)
            Invoke(shell => shell.AddScript(options.Command));
        else if (Console.IsInputRedirected)
            Invoke(shell => shell.AddScript(Console.In.ReadToEnd()));
        else
            return Prompt(options.NoLogo);

        return Outcome;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Console.CancelKeyPress -= OnCancelKeyPress;
        _runspace.Dispose();
    }

    /// <summary>Runs a script's block rather than the script by its name: only so does its <c>exit</c> reach the host.</summary>
    private static void AddFile(PowerShell shell, string file, IReadOnlyList<string> arguments)
    {
        ScriptBlockAst script = Parser.ParseFile(file, out _, out ParseError[] errors);
        if (errors.Length > 0)
            throw new ParseException(errors);

        List<string> positional = [];
        Hashtable named = [];
        for (int i = 0; i < arguments.Count; i++)
        {
            if (!IsName(arguments[i]))
                positional.Add(arguments[i]);
            else if (i + 1 < arguments.Count && !IsName(arguments[i + 1]))
                named[arguments[i][1..]] = arguments[++i];
            else
                named[arguments[i][1..]] = true;
        }

        shell.AddScript("param($script, $positional, $named) & $script @positional @named")
            .AddParameter("script", script.GetScriptBlock())
            .AddParameter("positional", positional)
            .AddParameter("named", named);

        static bool IsName(string argument) => argument is ['-', char first, ..] && char.IsLetter(first);
    }

    private int Prompt(bool noLogo)
    {
        if (!noLogo)
            Console.WriteLine($"StableDiffusion {_host.Version.ToString(3)}. Get-Help about_StableDiffusion tells more, exit leaves.");

        while (_host.ExitCode is null && ReadCommand() is string command)
            Invoke(shell => shell.AddScript(command));

        return _host.ExitCode ?? 0;
    }

    /// <summary>Reads lines until they make up whole statements.</summary>
    private string? ReadCommand()
    {
        Console.Write($"PS {_runspace.SessionStateProxy.Path.CurrentLocation.Path}> ");
        string? command = Console.ReadLine();
        while (command is not null)
        {
            Parser.ParseInput(command, out _, out ParseError[] errors);
            if (!errors.Any(error => error.IncompleteInput))
                break;

            Console.Write(">> ");
            string? line = Console.ReadLine();
            command = line is null ? null : command + Environment.NewLine + line;
        }

        return command;
    }

    private void Invoke(Action<PowerShell> add)
    {
        using PowerShell shell = PowerShell.Create(_runspace);
        try
        {
            add(shell);

            // Errors take the way of the output, so that both are shown in the order in which they come.
            shell.Commands.Commands[0].MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
            shell.AddCommand("Out-Default");
            Begin(shell);
            shell.Invoke();
        }
        catch (PipelineStoppedException)
        {
            // Ctrl+C: nothing to tell.
        }
        catch (RuntimeException error)
        {
            Show(error.ErrorRecord);
        }
        finally
        {
            End(shell);
            _host.UserInterface.EndProgress();
        }
    }

    /// <summary>Shows the error that ended a pipeline, through the same views as all others.</summary>
    private void Show(ErrorRecord error) => _host.UserInterface.ShowAsError(() =>
    {
        using PowerShell shell = PowerShell.Create(_runspace);
        shell.AddCommand("Out-Default").Invoke(new[] { error });
    });

    private void Begin(PowerShell shell)
    {
        lock (_lock)
        {
            _running = shell;
            _cancelled = false;
        }
    }

    private void End(PowerShell shell)
    {
        IAsyncResult? stopping;
        lock (_lock)
        {
            stopping = _stopping;
            _running = null;
            _stopping = null;
        }

        // The shell may not be disposed before the stop is through with it.
        if (stopping is not null)
            shell.EndStop(stopping);
    }

    private void OnCancelKeyPress(object? sender, ConsoleCancelEventArgs cancel)
    {
        lock (_lock)
        {
            // A second press, when the first has not ended the pipeline, ends the process.
            cancel.Cancel = _stopping is null;
            if (_running is not null && _stopping is null)
            {
                _cancelled = true;
                _stopping = _running.BeginStop(callback: null, state: null);
            }
        }
    }
}

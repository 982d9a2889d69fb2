using System.Diagnostics;
using System.IO.Pipes;
using System.Text;

[assembly: AssemblyFixture(typeof(StableDiffusion.Tests.Module.SharedShell))]

namespace StableDiffusion.Tests.Module;

/// <summary>
/// One process of PowerShell with the module imported, for scripts that need no process of their own. They run one after
/// another, each in a scope of its own, and what a script does to the environment ends with it. The first script starts
/// the process, as does the one after a script that ended it.
/// </summary>
public sealed class SharedShell : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private readonly string _end = $"end of script {Guid.NewGuid()}";
    private NamedPipeServerStream? _pipe;
    private Process? _process;

    public void Dispose()
    {
        Close();
        _gate.Dispose();
    }

    /// <summary>Runs a script to its end. There is no limit of time, as for <see cref="ShellProcess"/>.</summary>
    internal async Task<ShellProcess.Result> Run(string script)
    {
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        await _gate.WaitAsync(cancellationToken);
        bool isAlive = false;
        try
        {
            if (_process is null)
                await Start(cancellationToken);
            await _pipe!.WriteAsync(Encoding.ASCII.GetBytes(Convert.ToBase64String(Encoding.UTF8.GetBytes(script)) + "\n"), cancellationToken);
            Task<(string Text, bool IsAlive)> errors = ReadToEnd(_process!.StandardError, cancellationToken);
            (string output, isAlive) = await ReadToEnd(_process.StandardOutput, cancellationToken);
            string errorText = (await errors).Text;
            if (!isAlive)
                await _process.WaitForExitAsync(cancellationToken);
            return new ShellProcess.Result(isAlive ? 0 : _process.ExitCode, output, errorText);
        }
        finally
        {
            if (!isAlive)
                Close();
            _gate.Release();
        }
    }

    private async Task Start(CancellationToken cancellationToken)
    {
        string name = $"sd-test-{Guid.NewGuid():N}";
        _pipe = new NamedPipeServerStream(name, PipeDirection.Out, maxNumberOfServerInstances: 1, PipeTransmissionMode.Byte, PipeOptions.Asynchronous);
        _process = ShellProcess.Start(BuiltModule.PowerShell, ShellProcess.ScriptArguments($$"""
            $pipe = [System.IO.Pipes.NamedPipeClientStream]::new('.', '{{name}}', 'In')
            $pipe.Connect()
            $scripts = [System.IO.StreamReader]::new($pipe)
            $variables = [System.Environment]::GetEnvironmentVariables()
            while ($null -ne ($line = $scripts.ReadLine())) {
                & ([scriptblock]::Create([System.Text.Encoding]::UTF8.GetString([System.Convert]::FromBase64String($line)))) | Out-Default
                foreach ($variable in @($variables.Keys) + @([System.Environment]::GetEnvironmentVariables().Keys)) {
                    [System.Environment]::SetEnvironmentVariable($variable, $variables[$variable] ?? [NullString]::Value)
                }
                [System.Console]::Out.WriteLine('{{_end}}')
                [System.Console]::Error.WriteLine('{{_end}}')
            }
            """));
        Task connection = _pipe.WaitForConnectionAsync(cancellationToken);
        if (await Task.WhenAny(connection, _process.WaitForExitAsync(cancellationToken)) != connection)
            Assert.Fail($"PowerShell did not start: {await _process.StandardError.ReadToEndAsync(cancellationToken)}");
        await connection;
    }

    private async Task<(string Text, bool IsAlive)> ReadToEnd(StreamReader reader, CancellationToken cancellationToken)
    {
        List<string> lines = [];
        while (await reader.ReadLineAsync(cancellationToken) is string line)
        {
            if (line == _end)
                return (ShellProcess.Normalize(string.Join('\n', lines)), true);
            lines.Add(line);
        }

        return (ShellProcess.Normalize(string.Join('\n', lines)), false);
    }

    private void Close()
    {
        _pipe?.Dispose();
        _process?.Kill(entireProcessTree: true);
        _process?.Dispose();
        _pipe = null;
        _process = null;
    }
}

using System.Runtime.InteropServices;

namespace StableDiffusion.Tests.Module;

public sealed partial class SdShellTests
{
    // Write-Error and its like are no part of PowerShell's engine.
    private const string WriteAll = """
        function Write-All {
            [CmdletBinding()] param()
            $record = [System.Management.Automation.ErrorRecord]::new([System.Exception]::new('an error'), 'Id', 'InvalidData', 1)
            $PSCmdlet.WriteProgress([System.Management.Automation.ProgressRecord]::new(0, 'an activity', 'a status'))
            $PSCmdlet.WriteWarning('a warning')
            $PSCmdlet.WriteVerbose('a detail')
            $PSCmdlet.WriteObject('an object')
            $PSCmdlet.WriteError($record)
        }
        """;

    [Fact]
    public async Task Output_goes_to_standard_output_and_the_rest_to_standard_error()
    {
        ShellProcess.Result result = await ShellProcess.Run(WriteAll + "\nWrite-All -Verbose");

        Assert.Equal("an object", result.Output);
        Assert.StartsWith("WARNING: a warning\nVERBOSE: a detail\nWrite-All:", result.Errors, StringComparison.Ordinal);
        Assert.EndsWith("an error", result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("an activity", result.Errors, StringComparison.Ordinal);
        Assert.Equal(1, result.ExitCode);
    }

    [Theory]
    [InlineData("'fine'", 0)]
    [InlineData("Get-DiffusionDevice nope; 'after'", 1)]
    [InlineData("Get-DiffusionDevice nope -ErrorAction SilentlyContinue", 0)]
    [InlineData("throw 'up'", 1)]
    [InlineData("exit 7", 7)]
    [InlineData("if (", 1)]
    public async Task The_exit_code_tells_whether_an_error_was_shown(string script, int exitCode) =>
        Assert.Equal(exitCode, (await ShellProcess.Run(script)).ExitCode);

    [Fact]
    public async Task An_error_that_ends_the_script_goes_to_standard_error()
    {
        ShellProcess.Result result = await ShellProcess.Run("throw 'up'");

        Assert.Equal(string.Empty, result.Output);
        Assert.Equal("Exception: up", result.Errors);
    }

    [Fact]
    public async Task A_script_file_gets_its_arguments_and_gives_its_exit_code()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("sd-script-");
        try
        {
            string script = Path.Combine(folder.FullName, "a script.ps1");
            await File.WriteAllTextAsync(
                script,
                "param([string]$Name, [int]$Seed, [switch]$Force, [Parameter(Position = 0)]$First) \"$First $Name $Seed $Force $PSScriptRoot\"; exit 4",
                TestContext.Current.CancellationToken);
            ShellProcess.Result result = await ShellProcess.Start(["-NoLogo", "-File", script, "one", "-Name", "two", "-Seed", "-3", "-Force"]);

            Assert.Equal($"one two -3 True {folder.FullName}", result.Output);
            Assert.Equal(4, result.ExitCode);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_script_can_come_by_standard_input() =>
        Assert.Equal("3", (await ShellProcess.Start([], "if ($true)\n{\n    1 + 2\n}\n")).Output);

    [Theory]
    [InlineData("-Nonsense")]
    [InlineData("-File", "no such file.ps1")]
    [InlineData("-Command")]
    public async Task A_wrong_command_line_is_told_with_the_usage(params string[] arguments)
    {
        ShellProcess.Result result = await ShellProcess.Start(arguments);

        Assert.Equal(64, result.ExitCode);
        Assert.Contains("Usage: SdShell", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_question_without_anyone_to_answer_is_an_error()
    {
        ShellProcess.Result result = await ShellProcess.Run(
            "function Test { [CmdletBinding(SupportsShouldProcess)] param() if ($PSCmdlet.ShouldProcess('it')) { 'done' } }; Test -Confirm");

        Assert.Equal(string.Empty, result.Output);
        Assert.Equal(1, result.ExitCode);
    }

    [Fact]
    public async Task An_interrupt_stops_the_pipeline()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no call to send Ctrl+C to one process.");
        ShellProcess.Result result = await ShellProcess.RunProgram(
            "dotnet",
            [BuiltModule.Shell, "-Command", "'started'; try { while ($true) { } } finally { [Console]::WriteLine('cleaned up') }"],
            onLine: (process, line) =>
            {
                if (line == "started")
                    Assert.Equal(0, Kill(process.Id, Interrupt));
            });

        Assert.Equal(["started", "cleaned up"], result.Lines);
        Assert.Equal(130, result.ExitCode);
    }

    private const int Interrupt = 2;

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}

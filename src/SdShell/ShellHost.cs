using System.Globalization;
using System.Management.Automation.Host;

namespace SdShell;

/// <summary>The host as PowerShell sees it: the console, and where a script's <c>exit</c> arrives.</summary>
internal sealed class ShellHost : PSHost
{
    public ShellUserInterface UserInterface { get; } = new();

    /// <summary>What the script gave to <c>exit</c>, if it did.</summary>
    public int? ExitCode { get; private set; }

    public override PSHostUserInterface UI => UserInterface;

    public override string Name => "SdShell";

    public override Version Version { get; } = typeof(ShellHost).Assembly.GetName().Version!;

    public override Guid InstanceId { get; } = Guid.NewGuid();

    public override CultureInfo CurrentCulture => CultureInfo.CurrentCulture;

    public override CultureInfo CurrentUICulture => CultureInfo.CurrentUICulture;

    public override void SetShouldExit(int exitCode) => ExitCode = exitCode;

    public override void EnterNestedPrompt() => throw new NotSupportedException("SdShell has no nested prompts.");

    public override void ExitNestedPrompt() => throw new NotSupportedException("SdShell has no nested prompts.");

    public override void NotifyBeginApplication()
    {
    }

    public override void NotifyEndApplication()
    {
    }
}

using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace SdShell;

/// <summary>
/// Writes to the console: output to standard output, everything else to standard error, so that the output can be
/// redirected clean. Colours and progress appear on a terminal only.
/// </summary>
internal sealed class ShellUserInterface : PSHostUserInterface
{
    private readonly ProgressLine _progress = new();
    private TextWriter _output = Console.Out;

    /// <summary>Whether an error was shown since the start.</summary>
    public bool ErrorShown { get; private set; }

    public override PSHostRawUserInterface RawUI { get; } = new ShellRawUserInterface();

    /// <summary>Whether colours can be written as escape sequences; on Windows they would have to be switched on first.</summary>
    public override bool SupportsVirtualTerminal => !Console.IsOutputRedirected && !OperatingSystem.IsWindows();

    public override void Write(string value)
    {
        _progress.Clear();
        _output.Write(GetOutputString(value, SupportsVirtualTerminal));
    }

    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) => Write(value);

    public override void WriteLine(string value) => Write(value + Environment.NewLine);

    public override void WriteErrorLine(string value)
    {
        ErrorShown = true;
        WriteMessage(value);
    }

    public override void WriteWarningLine(string message) => WriteMessage("WARNING: " + message);

    public override void WriteVerboseLine(string message) => WriteMessage("VERBOSE: " + message);

    public override void WriteDebugLine(string message) => WriteMessage("DEBUG: " + message);

    public override void WriteProgress(long sourceId, ProgressRecord record) => _progress.Show(record);

    /// <summary>Lets an error be shown by what writes as if it were output.</summary>
    public void ShowAsError(Action show)
    {
        ErrorShown = true;
        _output = Console.Error;
        try
        {
            show();
        }
        finally
        {
            _output = Console.Out;
        }
    }

    /// <summary>Takes the progress line away, if one is there.</summary>
    public void EndProgress() => _progress.Clear();

    public override string ReadLine() =>
        Console.ReadLine() ?? throw new HostException("An answer is needed, but the input has ended.");

    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions)
    {
        WriteMessage(caption);
        WriteMessage(message);

        Dictionary<string, PSObject> answers = new(StringComparer.OrdinalIgnoreCase);
        foreach (FieldDescription field in descriptions)
        {
            Console.Error.Write($"{field.Name}: ");
            answers[field.Name] = ReadLine();
        }

        return answers;
    }

    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        WriteMessage(caption);
        WriteMessage(message);

        // An ampersand marks the letter that stands for a choice.
        string[] labels = [.. choices.Select(choice => choice.Label.Replace("&", string.Empty, StringComparison.Ordinal))];
        string[] letters = [.. choices.Select((choice, i) => choice.Label.IndexOf('&', StringComparison.Ordinal) is int at and >= 0 ? choice.Label.Substring(at + 1, 1) : labels[i])];
        string question = string.Join("  ", labels.Select((label, i) => $"[{letters[i]}] {label}"));

        while (true)
        {
            Console.Error.Write(defaultChoice < 0 ? $"{question}: " : $"{question} (default is \"{letters[defaultChoice]}\"): ");
            string answer = ReadLine().Trim();
            if (answer.Length == 0 && defaultChoice >= 0)
                return defaultChoice;

            int choice = Array.FindIndex(letters, letter => letter.Equals(answer, StringComparison.OrdinalIgnoreCase));
            if (choice < 0)
                choice = Array.FindIndex(labels, label => label.Equals(answer, StringComparison.OrdinalIgnoreCase));
            if (choice >= 0)
                return choice;
        }
    }

    public override SecureString ReadLineAsSecureString() => throw new NotSupportedException("SdShell does not ask for secrets.");

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) =>
        throw new NotSupportedException("SdShell does not ask for credentials.");

    public override PSCredential PromptForCredential(
        string caption,
        string message,
        string userName,
        string targetName,
        PSCredentialTypes allowedCredentialTypes,
        PSCredentialUIOptions options) => throw new NotSupportedException("SdShell does not ask for credentials.");

    private void WriteMessage(string message)
    {
        _progress.Clear();
        Console.Error.WriteLine(GetOutputString(message, SupportsVirtualTerminal && !Console.IsErrorRedirected));
    }
}

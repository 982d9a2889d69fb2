using System.Management.Automation;

namespace StableDiffusion.Tests.Module;

/// <summary>What a script wrote to each stream, and how it ended.</summary>
internal sealed class ShellResult
{
    public required IReadOnlyList<PSObject> Output { get; init; }

    /// <summary>The errors that were shown; one that ended its pipeline is among them, since a script goes on after it.</summary>
    public required IReadOnlyList<ErrorRecord> Errors { get; init; }

    /// <summary>The error that ended the script, such as one that it threw, if one did.</summary>
    public required ErrorRecord? TerminatingError { get; init; }

    /// <summary>Whether the script was stopped from outside.</summary>
    public required bool Stopped { get; init; }

    public required IReadOnlyList<string> Warnings { get; init; }

    public required IReadOnlyList<string> Verbose { get; init; }

    public required IReadOnlyList<string> Debug { get; init; }

    public required IReadOnlyList<ProgressRecord> Progress { get; init; }

    public bool HadErrors => Errors.Count > 0 || TerminatingError is not null;

    /// <summary>The output as objects of one type; fails if one is of another.</summary>
    public IReadOnlyList<T> Values<T>() => [.. Output.Select(item => (T)item.BaseObject)];

    /// <summary>The output as text, a line an object.</summary>
    public string Text => string.Join('\n', Output);
}

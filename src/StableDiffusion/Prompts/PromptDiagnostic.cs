namespace StableDiffusion.Prompts;

/// <summary>A finding about a prompt: syntax that is probably not meant as it is read.</summary>
/// <param name="Column">The 1-based position in the text, in UTF-16 code units.</param>
/// <param name="Message">How it is read, and what to write instead.</param>
internal sealed record PromptDiagnostic(int Column, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => $"Column {Column}: {Message}";
}

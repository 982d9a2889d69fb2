namespace StableDiffusion.Prompts;

/// <summary>Something in a prompt that is read otherwise than it was probably meant.</summary>
/// <param name="Column">Where: the 1-based position in the text, counted in UTF-16 code units.</param>
/// <param name="Message">How it is read, and what to write instead.</param>
public sealed record PromptDiagnostic(int Column, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => $"Column {Column}: {Message}";
}

namespace StableDiffusion.Prompts;

/// <summary>
/// Splits a prompt into segments of one weight each. It accepts every string: questionable syntax is read as the original
/// tools read it, and can be reported.
/// </summary>
internal static class PromptAttention
{
    /// <summary>Parses the emphasis in a prompt.</summary>
    /// <param name="text">The prompt, with its schedules already resolved (<see cref="PromptSchedule"/>).</param>
    /// <param name="syntax">
    /// The syntax: A1111's (<c>parse_prompt_attention</c> of version 1.10), ComfyUI's (<c>token_weights</c>), or none.
    /// </param>
    /// <param name="diagnostics">Receives up to a hundred findings about syntax that is probably not meant as it is read; may be null.</param>
    /// <returns>
    /// The segments in order, at least one. A1111 joins neighbors of equal weight, ComfyUI does not.
    /// </returns>
    public static IReadOnlyList<WeightedText> Parse(
        string text, PromptSyntax syntax, ICollection<PromptDiagnostic>? diagnostics = null)
    {
        ArgumentNullException.ThrowIfNull(text);

        return syntax switch
        {
            PromptSyntax.A1111 => new A1111Attention(text, diagnostics).Parse(),
            PromptSyntax.ComfyUI => new ComfyAttention(text, diagnostics).Parse(),
            PromptSyntax.Plain => [new WeightedText(text, 1.0, 0)],
            _ => throw new ArgumentOutOfRangeException(nameof(syntax), syntax, "Give A1111, Plain or ComfyUI."),
        };
    }
}

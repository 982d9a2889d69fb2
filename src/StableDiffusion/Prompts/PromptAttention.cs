namespace StableDiffusion.Prompts;

/// <summary>
/// Splits a prompt into stretches of one weight each. Reads every string: what the original tools swallow silently is
/// read as they read it, and reported to whoever asks.
/// </summary>
public static class PromptAttention
{
    /// <summary>Reads the emphasis in a prompt.</summary>
    /// <param name="text">The prompt, its schedules already resolved (<see cref="PromptSchedule"/>).</param>
    /// <param name="syntax">
    /// Whose rules: A1111's (<c>parse_prompt_attention</c> of its version 1.10), ComfyUI's (<c>token_weights</c>), or none.
    /// </param>
    /// <param name="diagnostics">Takes what is read otherwise than it was probably meant, the first hundred; may be null.</param>
    /// <returns>
    /// The stretches in their order, at least one. A1111 joins neighbours of equal weight, ComfyUI does not.
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

namespace StableDiffusion.Prompts;

/// <summary>The syntax of a prompt.</summary>
public enum PromptSyntax
{
    /// <summary>
    /// AUTOMATIC1111's web UI: <c>( )</c>, <c>[ ]</c>, <c>(text:1.2)</c>, <c>BREAK</c>, <c>[from:to:when]</c>,
    /// <c>[a|b]</c> and <c>AND</c>.
    /// </summary>
    A1111,

    /// <summary>None: every character is text.</summary>
    Plain,

    /// <summary>ComfyUI: <c>( )</c> and <c>(text:1.2)</c>, where the weight replaces that of the enclosing parentheses.</summary>
    ComfyUI,
}

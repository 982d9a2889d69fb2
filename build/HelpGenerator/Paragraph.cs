namespace HelpGenerator;

/// <summary>A piece of help text.</summary>
/// <param name="Text">The text: one line of any length, or lines that must stay as they are.</param>
/// <param name="Preformatted">Whether the lines must stay as they are.</param>
/// <param name="Depth">How deep it lies in lists; 0 outside of them.</param>
/// <param name="Mark">What an item of a list begins with; empty for other text.</param>
internal sealed record Paragraph(string Text, bool Preformatted = false, int Depth = 0, string Mark = "")
{
    /// <summary>How far a level of a list is moved in.</summary>
    public const int Step = 2;
}

namespace StableDiffusion.Images.Terminal;

/// <summary>Images as the inline files of iTerm2. Source: iTerm2's documentation, "Inline Images Protocol".</summary>
internal static class ITerm2Image
{
    /// <summary>Encodes an image, which the terminal scales to its area.</summary>
    /// <param name="png">The bytes of a PNG file.</param>
    /// <param name="area">The columns and rows that it takes.</param>
    /// <returns>The sequence, without a line feed.</returns>
    public static string Encode(byte[] png, TerminalArea area) =>
        FormattableString.Invariant($"\e]1337;File=inline=1;size={png.Length};width={area.Columns};height={area.Rows};preserveAspectRatio=1:{Convert.ToBase64String(png)}\a");
}

using System.Globalization;
using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Storage;

namespace SdPowerShell.Parameters;

/// <summary>Which file each picture of a record is written to.</summary>
/// <param name="file">What the user named, relative to the folder where there is one; null names files after prompt and seed.</param>
/// <param name="directory">The full path of the folder; may be null.</param>
/// <param name="format">The extension, without its dot, of names that have none.</param>
/// <param name="options">How the files are written.</param>
/// <param name="source">The file that the picture is made of, whose name is kept; null where there is none.</param>
internal sealed class OutputNames(string? file, string? directory, string format, ImageWriteOptions options, string? source = null)
{
    /// <summary>The file for a picture, or null where nothing is to be written.</summary>
    /// <param name="prompt">The picture's prompt.</param>
    /// <param name="seed">The picture's seed.</param>
    /// <param name="index">Which picture of the record it is, from 0.</param>
    /// <param name="count">How many pictures the record makes.</param>
    /// <param name="resolve">Turns a path of the user's into a full one.</param>
    public OutputTarget? Next(string prompt, long seed, int index, int count, Func<string, string> resolve)
    {
        if (file is null)
        {
            if (directory is null)
                return null;

            string made = source is null ? FileNames.FromPrompt(prompt, seed, "." + format) : $"{Path.GetFileNameWithoutExtension(source)}.{format}";
            return new OutputTarget(Path.Combine(directory, FileNames.Unique(directory, made)), options, Path.Combine(directory, made));
        }

        // Else the file would be named by its extension alone, and be hidden on Unix.
        if (Path.GetFileNameWithoutExtension(file).AsSpan().Trim(" .").IsEmpty)
            throw new InvalidSettingException("OutFile", $"OutFile is '{file}', which names no file. Give a name such as image.png.");

        string name = Path.HasExtension(file) ? file : file + "." + format;
        if (count > 1)
        {
            string number = (index + 1).ToString(CultureInfo.InvariantCulture).PadLeft(count.ToString(CultureInfo.InvariantCulture).Length, '0');
            name = Path.Combine(Path.GetDirectoryName(name) ?? string.Empty, $"{Path.GetFileNameWithoutExtension(name)}-{number}{Path.GetExtension(name)}");
        }

        return new OutputTarget(directory is null ? resolve(name) : Path.GetFullPath(Path.Combine(directory, name)), options);
    }
}

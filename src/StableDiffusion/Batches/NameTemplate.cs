using System.Globalization;
using System.Text;
using StableDiffusion.Storage;

namespace StableDiffusion.Batches;

/// <summary>
/// A template for the names of files, such as <c>{prompt:40}-{seed}-{hash:8}</c>: names of fields in braces, each with the greatest
/// number of its characters after a colon, and other text, which is kept. Double braces stand for braces.
/// </summary>
internal sealed class NameTemplate
{
    /// <summary>The field with the prompt.</summary>
    public const string Prompt = "prompt";

    /// <summary>The field with the seed.</summary>
    public const string Seed = "seed";

    /// <summary>The field with the number of an image of several of one row, from 1.</summary>
    public const string Index = "index";

    /// <summary>The field with the hash of the row.</summary>
    public const string Hash = "hash";

    private const int LongestField = 200;
    private const int MaxBytes = 200;

    // Those of Windows, which are more than those of other systems.
    private const string Invalid = "<>:\"/\\|?*";

    private static readonly string[] s_fields = [Prompt, "negativeprompt", Seed, Index, "model", "scheduler", "steps", "guidancescale", "strength", "width", "height", Hash];

    private readonly List<(string Text, string? Field, int Most)> _parts = [];

    /// <summary>Reads a template.</summary>
    /// <param name="template">The template.</param>
    /// <exception cref="InvalidSettingException">It has an unknown field, an unclosed brace, or a character that no file name can have.</exception>
    public NameTemplate(string template)
    {
        ArgumentNullException.ThrowIfNull(template);
        StringBuilder text = new();
        for (int i = 0; i < template.Length; i++)
        {
            char letter = template[i];
            if (letter is '{' or '}' && i + 1 < template.Length && template[i + 1] == letter)
            {
                text.Append(letter);
                i++;
            }
            else if (letter == '{')
            {
                int end = template.IndexOf('}', i);
                if (end < 0)
                    throw Refuse(template, $"the brace at its character {i + 1} is not closed. Close it, or write {{{{ for a brace");
                Take(text);
                _parts.Add(Field(template, template[(i + 1)..end]));
                i = end;
            }
            else if (letter == '}')
            {
                throw Refuse(template, $"the brace at its character {i + 1} closes nothing. Write }}}} for a brace");
            }
            else
            {
                if (letter < ' ' || Invalid.Contains(letter, StringComparison.Ordinal))
                    throw Refuse(template, $"the character '{letter}' cannot be in a file name. Omit it; the folder is the parameter OutDirectory");
                text.Append(letter);
            }
        }

        Take(text);
        if (!_parts.Exists(static part => part.Field is not null))
            throw Refuse(template, $"it has no field, so that all files would have one name. Add {{{Prompt}}}, {{{Seed}}} or {{{Hash}:8}}, for example");
    }

    /// <summary>Whether it has a field.</summary>
    /// <param name="field">The name of the field.</param>
    public bool Has(string field) => _parts.Exists(part => part.Field == field);

    /// <summary>Makes a name.</summary>
    /// <param name="valueOf">Gives the value of a field, whose name is in lower case; null or empty is left out.</param>
    /// <returns>The name without a folder and without an ending.</returns>
    public string Format(Func<string, object?> valueOf)
    {
        // The prompt takes what room the other parts leave.
        string[] texts = [.. _parts.Select(part => part.Field is null ? part.Text : part.Field == Prompt ? string.Empty : Text(part.Field, valueOf(part.Field), part.Most, MaxBytes))];
        for (int part = 0; part < texts.Length; part++)
        {
            if (_parts[part].Field == Prompt)
                texts[part] = Text(Prompt, valueOf(Prompt), _parts[part].Most, Math.Max(MaxBytes - texts.Sum(Encoding.UTF8.GetByteCount), 0));
        }

        string name = string.Concat(texts).Trim(' ', '.');
        return name.Length == 0 ? FileNames.Image : name;
    }

    private static (string Text, string? Field, int Most) Field(string template, string content)
    {
        string[] parts = content.Split(':', 2);
        string name = parts[0].Trim().ToLowerInvariant();
        if (!s_fields.Contains(name))
            throw Refuse(template, $"there is no field '{PrintableText.Of(parts[0], LongestField)}'.{(Spelling.Nearest(name, s_fields) is string near ? $" Did you mean '{near}'?" : string.Empty)} The fields are {string.Join(", ", s_fields)}");
        int most = LongestField;
        if (parts.Length > 1 && !(int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out most) && most is > 0 and <= LongestField))
            throw Refuse(template, $"'{PrintableText.Of(parts[1], LongestField)}' is not a number of characters. Give a whole number from 1 to {LongestField}, such as {{{name}:8}}");
        return (string.Empty, name, most);
    }

    private static string Text(string field, object? value, int most, int bytes) => value switch
    {
        null => string.Empty,
        string hash when field == Hash => hash[..Math.Min(most, hash.Length)],
        string text => FileNames.FromText(text, bytes, most),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) is string number && number.Length > most ? number[..most] : Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static InvalidSettingException Refuse(string template, string reason) => new("FileName", $"'{PrintableText.Of(template, LongestField)}' is not a template for file names: {reason}.");

    private void Take(StringBuilder text)
    {
        if (text.Length > 0)
            _parts.Add((text.ToString(), null, 0));
        text.Clear();
    }
}

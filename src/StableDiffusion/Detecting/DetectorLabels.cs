using System.Globalization;
using System.Text;

namespace StableDiffusion.Detecting;

/// <summary>The names of the classes in the metadata of a graph: a dictionary as Python writes it, such as <c>{0: 'face', 1: 'hand'}</c>, or a list.</summary>
internal static class DetectorLabels
{
    // The largest set of classes in use, that of Open Images, has 601.
    private const int MostLabels = 10_000;
    private const int LongestLabel = 200;
    private const int LongestText = 1 << 20;

    /// <summary>Reads the names.</summary>
    /// <param name="text">The text, of whoever made the graph; null for none.</param>
    /// <returns>The names by class, which are safe to show; none if the text is not of this form.</returns>
    public static IReadOnlyDictionary<int, string> Read(string? text)
    {
        Dictionary<int, string> labels = [];
        if (text is null || text.Length > LongestText)
            return labels;

        int place = 0;
        bool isList = Skip('[');
        if (!isList && !Skip('{'))
            return labels;
        while (!Skip(isList ? ']' : '}'))
        {
            int number = labels.Count;
            if (labels.Count == MostLabels || (labels.Count > 0 && !Skip(',')))
                return new Dictionary<int, string>();
            if (labels.Count > 0 && Skip(isList ? ']' : '}'))
                break;
            if ((!isList && !(Number(out number) && Skip(':'))) || Label() is not string label || !labels.TryAdd(number, PrintableText.Of(label)))
                return new Dictionary<int, string>();
        }

        return labels;

        void SkipSpace()
        {
            while (place < text.Length && char.IsWhiteSpace(text[place]))
                place++;
        }

        bool Skip(char character)
        {
            SkipSpace();
            bool isThere = place < text.Length && text[place] == character;
            place += isThere ? 1 : 0;
            return isThere;
        }

        bool Number(out int number)
        {
            SkipSpace();
            char? quote = place < text.Length && text[place] is '\'' or '"' ? text[place++] : null;
            int start = place;
            while (place < text.Length && char.IsAsciiDigit(text[place]))
                place++;
            bool isNumber = int.TryParse(text.AsSpan(start, place - start), NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < MostLabels;
            return isNumber && (quote is null || Skip(quote.Value));
        }

        string? Label()
        {
            SkipSpace();
            if (place >= text.Length || text[place] is not ('\'' or '"'))
                return null;
            char quote = text[place++];
            StringBuilder label = new();
            while (place < text.Length && text[place] != quote)
            {
                if (text[place] == '\\' && ++place == text.Length)
                    return null;
                if (label.Length == LongestLabel)
                    return null;
                label.Append(text[place++]);
            }

            return place++ < text.Length ? label.ToString() : null;
        }
    }
}

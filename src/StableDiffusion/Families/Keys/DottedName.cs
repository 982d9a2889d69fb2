using System.Globalization;

namespace StableDiffusion.Families.Keys;

/// <summary>The parts between the dots of a tensor's name, read one after another from the left.</summary>
internal ref struct DottedName(ReadOnlySpan<char> name)
{
    /// <summary>The remaining name.</summary>
    public ReadOnlySpan<char> Rest { get; private set; } = name;

    /// <summary>Reads a part, or several with dots between them, if they are next.</summary>
    /// <returns>Whether it was next, with something after it.</returns>
    public bool Take(ReadOnlySpan<char> part)
    {
        if (Rest.Length <= part.Length || Rest[part.Length] != '.' || !Rest.StartsWith(part, StringComparison.Ordinal))
            return false;

        Rest = Rest[(part.Length + 1)..];
        return true;
    }

    /// <summary>Reads a number.</summary>
    /// <param name="number">The number, zero or more.</param>
    /// <returns>Whether a number was next, with something after it.</returns>
    public bool Take(out int number)
    {
        int length = Rest.IndexOf('.');
        number = 0;
        if (length < 1 || !int.TryParse(Rest[..length], NumberStyles.None, CultureInfo.InvariantCulture, out number))
            return false;

        Rest = Rest[(length + 1)..];
        return true;
    }
}

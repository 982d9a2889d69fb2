using System.Collections.ObjectModel;
using System.Globalization;

namespace StableDiffusion.Settings;

/// <summary>The values of a setting that can have several. As text, they are one cell of a table.</summary>
/// <typeparam name="T">The type of the values.</typeparam>
public sealed class SettingList<T> : ReadOnlyCollection<T>
{
    internal SettingList(IList<T> values)
        : base(values)
    {
    }

    /// <summary>The values as one text, such as <c>style:0.8; detail:0.5</c>.</summary>
    /// <returns>The values, with semicolons between them.</returns>
    public override string ToString() => string.Join("; ", this.Select(static value => Convert.ToString(value, CultureInfo.InvariantCulture)));

    /// <summary>Makes a list.</summary>
    /// <param name="values">The values; may be null.</param>
    /// <returns>The list; null if there are no values.</returns>
    internal static SettingList<T>? Of(IList<T>? values) => values is null ? null : new(values);
}

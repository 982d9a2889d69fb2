using System.Collections;
using System.Globalization;

namespace StableDiffusion.Sampling;

/// <summary>Options of a scheduler by their names, whose case is ignored. As text, they are one cell of a table.</summary>
public sealed class SchedulerOptionTable : Dictionary<string, object?>
{
    internal SchedulerOptionTable()
        : base(StringComparer.OrdinalIgnoreCase)
    {
    }

    /// <summary>The options as one text, such as <c>eta=0.5; timesteps=999, 500, 1</c>.</summary>
    /// <returns>Each name with its value.</returns>
    public override string ToString() => string.Join("; ", this.Select(static option => $"{option.Key}={Format(option.Value)}"));

    private static string? Format(object? value) => value is IEnumerable list and not string
        ? string.Join(", ", list.Cast<object?>().Select(Format))
        : Convert.ToString(value, CultureInfo.InvariantCulture);
}

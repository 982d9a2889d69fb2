using StableDiffusion.Settings;

namespace StableDiffusion.Images.Sheets;

/// <summary>Where the images of a sheet are, and its labels.</summary>
internal sealed record SheetLayout
{
    /// <summary>The number of images in a row; null makes the sheet about square.</summary>
    public int? Columns { get; init; }

    /// <summary>The number of rows; null for as many as the images fill.</summary>
    public int? Rows { get; init; }

    /// <summary>The width of the white gap between two images, in pixels, 0 or more.</summary>
    public int Gap { get; init; }

    /// <summary>The place of each image, counted by rows from 0; null for one after the other. Places without an image are white.</summary>
    public IReadOnlyList<int>? Cells { get; init; }

    /// <summary>The text to the left of each row; null for none.</summary>
    public IReadOnlyList<string>? RowLabels { get; init; }

    /// <summary>The text above each column; null for none.</summary>
    public IReadOnlyList<string>? ColumnLabels { get; init; }

    /// <summary>The text below each image; null for none.</summary>
    public IReadOnlyList<string>? Captions { get; init; }

    /// <summary>A table with a row and a column for each value of some setting, in the order in which they first appear.</summary>
    /// <param name="rows">The value of each image that decides on its row; null if each row takes the next image of its column.</param>
    /// <param name="columns">The value of each image that decides on its column; null if each column takes the next image of its row.</param>
    /// <param name="hasLabels">Whether rows and columns are labeled with the values.</param>
    /// <exception cref="InvalidSettingException">Two images have the same place.</exception>
    public static SheetLayout Table(IReadOnlyList<string>? rows, IReadOnlyList<string>? columns, bool hasLabels)
    {
        int count = (rows ?? columns ?? []).Count;
        List<string> down = [.. (rows ?? []).Distinct(StringComparer.Ordinal)], across = [.. (columns ?? []).Distinct(StringComparer.Ordinal)];
        int[] row = Places(rows, down, columns, across), column = Places(columns, across, rows, down);
        int width = column.Max() + 1;
        int[] cells = [.. Enumerable.Range(0, count).Select(index => (int)Math.Min(((long)row[index] * width) + column[index], int.MaxValue))];
        Dictionary<int, int> taken = [];
        for (int index = 0; index < count; index++)
        {
            if (!taken.TryAdd(cells[index], index))
                throw new InvalidSettingException("InputObject", $"Images {taken[cells[index]] + 1} and {index + 1} have the same place: {PrintableText.Of(rows![index], LabelText.MostCharacters)}, {PrintableText.Of(columns![index], LabelText.MostCharacters)}. Join those of each further setting by themselves, or give only rows or only columns.");
        }

        return new SheetLayout { Columns = width, Rows = row.Max() + 1, Cells = cells, RowLabels = hasLabels && rows is not null ? down : null, ColumnLabels = hasLabels && columns is not null ? across : null };
    }

    /// <summary>The layout of a recorded sheet.</summary>
    /// <param name="stage">Its stage.</param>
    public static SheetLayout Of(GenerationStage stage) => new()
    {
        Columns = stage.Number<int>(nameof(Columns)),
        Rows = stage.Number<int>(nameof(Rows)),
        Gap = stage.Number<int>(nameof(Gap)) ?? 0,
        Cells = stage.Settings.GetValueOrDefault(nameof(Cells)) is IEnumerable<double> cells ? [.. cells.Select(static cell => cell is >= 0 and < int.MaxValue && double.IsInteger(cell) ? (int)cell : -1)] : null,
        RowLabels = Texts(stage, nameof(RowLabels)),
        ColumnLabels = Texts(stage, nameof(ColumnLabels)),
        Captions = Texts(stage, nameof(Captions)),
    };

    /// <summary>The settings of its stage. Those that say nothing are left out.</summary>
    /// <param name="across">The number of columns that the sheet has.</param>
    public Dictionary<string, object> ToSettings(int across)
    {
        Dictionary<string, object> settings = new(StringComparer.Ordinal) { [nameof(Columns)] = (long)across, [nameof(Gap)] = (long)Gap };
        if (Rows is int rows)
            settings[nameof(Rows)] = (long)rows;
        if (Cells is not null)
            settings[nameof(Cells)] = Cells.Select(static cell => (double)cell).ToArray();
        foreach ((string name, IReadOnlyList<string>? texts) in new[] { (nameof(RowLabels), RowLabels), (nameof(ColumnLabels), ColumnLabels), (nameof(Captions), Captions) })
        {
            if (texts is not null)
                settings[name] = texts.ToArray();
        }

        return settings;
    }

    /// <summary>The sizes of the sheet of some images.</summary>
    /// <param name="count">The number of images, 1 or more.</param>
    /// <exception cref="InvalidSettingException">A value is out of range, or does not go with the others.</exception>
    public (int Across, int Down) Check(int count)
    {
        if (Columns is < 1)
            throw new InvalidSettingException(nameof(Columns), $"Columns is {Columns}, but must be 1 or more.");
        if (Gap < 0)
            throw new InvalidSettingException(nameof(Gap), $"Gap is {Gap}, but must be 0 or more.");
        int across = Columns ?? (int)Math.Ceiling(Math.Sqrt(count));
        if (Rows is null && Cells is null)
            across = Math.Min(across, count);
        int down = Rows ?? (int)(((long)(Cells is { Count: > 0 } ? Cells.Max() : count - 1) / across) + 1);
        if (down < 1 || (long)across * down > ImageLibrary.MaxPixels || (Cells is null && (long)across * down < count))
            throw Damaged(nameof(Rows));
        if (Cells is not null && (Cells.Count != count || Cells.Distinct().Count() != count || Cells.Any(cell => cell < 0 || cell >= (long)across * down)))
            throw Damaged(nameof(Cells));
        if (RowLabels is not null && RowLabels.Count != down)
            throw Damaged(nameof(RowLabels));
        if (ColumnLabels is not null && ColumnLabels.Count != across)
            throw Damaged(nameof(ColumnLabels));
        if (Captions is not null && Captions.Count != count)
            throw Damaged(nameof(Captions));
        return (across, down);
    }

    /// <summary>The row or the column of each image: that of its value, or the next one that is free among those with the same other value.</summary>
    private static int[] Places(IReadOnlyList<string>? values, List<string> distinct, IReadOnlyList<string>? others, List<string> distinctOthers)
    {
        Dictionary<string, int> indices = (values is null ? distinctOthers : distinct).Index().ToDictionary(static entry => entry.Item, static entry => entry.Index, StringComparer.Ordinal);
        if (values is not null)
            return [.. values.Select(value => indices[value])];
        int[] next = new int[distinctOthers.Count];
        return [.. others!.Select(other => next[indices[other]]++)];
    }

    private static InvalidSettingException Damaged(string setting) => new(setting, $"The {setting} of the sheet do not go with its images. The record is damaged.");

    private static string[]? Texts(GenerationStage stage, string name) => stage.Settings.GetValueOrDefault(name) is IEnumerable<string> texts ? [.. texts] : null;
}

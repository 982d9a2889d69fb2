using System.Text;

namespace StableDiffusion.Batches.Tables;

/// <summary>A line of a table.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="Text">Its text without its end; of a line that is too long, the beginning.</param>
/// <param name="IsTooLong">Whether it is longer than a row may be.</param>
/// <param name="IsEnded">Whether a line end follows it.</param>
internal readonly record struct TableLine(int Number, string Text, bool IsTooLong, bool IsEnded)
{
    /// <summary>Why nothing of the line can be used, without a full stop; null if it can.</summary>
    public string? Fault => IsTooLong ? TableLines.TooLong : TableLines.FindFault(Text);
}

/// <summary>The lines of a text file. The text is UTF-8, or what a byte order mark says; a line ends with LF, CR LF or CR.</summary>
/// <param name="stream">The file.</param>
/// <param name="path">Its path in messages.</param>
/// <param name="cancellationToken">Cancels the reading.</param>
internal sealed class TableLines(Stream stream, string path, CancellationToken cancellationToken) : IDisposable
{
    /// <summary>The most characters of a row.</summary>
    public const int LongestRow = 1 << 20;

    private const int Block = 1 << 14;
    private const int BeginningOfTooLong = 100;

    /// <summary>What is wrong with a row that is too long.</summary>
    public static readonly string TooLong = FormattableString.Invariant($"it is longer than {LongestRow} characters");

    private readonly StreamReader _reader = new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), detectEncodingFromByteOrderMarks: true, Block, leaveOpen: true);
    private readonly Stack<TableLine> _returned = new();
    private readonly char[] _block = new char[Block];
    private readonly StringBuilder _line = new();
    private int _start;
    private int _count;
    private int _number;
    private bool _endsInReturn;

    /// <summary>Releases the reader; the stream stays open.</summary>
    public void Dispose() => _reader.Dispose();

    /// <summary>The next line; null at the end.</summary>
    /// <exception cref="TableInvalidException">The file cannot be read.</exception>
    public TableLine? Next()
    {
        if (_returned.TryPop(out TableLine returned))
            return returned;
        _line.Clear();
        bool isTooLong = false;
        while (Fill())
        {
            ReadOnlySpan<char> rest = _block.AsSpan(_start, _count - _start);
            int end = rest.IndexOfAny('\r', '\n');
            ReadOnlySpan<char> part = end < 0 ? rest : rest[..end];
            isTooLong |= _line.Length + part.Length > LongestRow;
            if (!isTooLong)
                _line.Append(part);
            else if (_line.Length > BeginningOfTooLong)
                _line.Length = BeginningOfTooLong;
            _start += part.Length;
            if (end < 0)
                continue;
            _endsInReturn = rest[end] == '\r';
            _start++;
            return new TableLine(++_number, _line.ToString(), isTooLong, IsEnded: true);
        }

        return _line.Length > 0 || isTooLong ? new TableLine(++_number, _line.ToString(), isTooLong, IsEnded: false) : null;
    }

    /// <summary>Gives lines back, which are read again.</summary>
    /// <param name="lines">The last lines that were read, in their order.</param>
    public void Return(IReadOnlyList<TableLine> lines)
    {
        for (int line = lines.Count - 1; line >= 0; line--)
            _returned.Push(lines[line]);
    }

    /// <summary>What is wrong with a text that no editor writes, without a full stop; null if nothing is.</summary>
    /// <param name="text">The text.</param>
    public static string? FindFault(string text) => text.AsSpan().IndexOfAny('\0', '\uFFFD') switch
    {
        < 0 => null,
        int index when text[index] == '\0' => $"its character {index + 1} is a NUL, which no text has. Write the row anew, or save the file as UTF-8",
        int index => $"its character {index + 1} is not in UTF-8. Save the file as UTF-8",
    };

    private bool Fill()
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_start == _count)
        {
            try
            {
                (_start, _count) = (0, _reader.Read(_block));
            }
            catch (IOException error)
            {
                throw TableFile.Unreadable(path, error);
            }
        }

        // The line feed of a carriage return that ended the line before.
        if (_endsInReturn && _start < _count)
        {
            _endsInReturn = false;
            if (_block[_start] == '\n')
            {
                _start++;
                return Fill();
            }
        }

        return _start < _count;
    }
}

using System.Text;

namespace StableDiffusion.Prompts;

/// <summary>Maps the characters of a text that was assembled from slices of a source to their positions in the source.</summary>
internal sealed class SourceMap
{
    private readonly int[] _textStarts;
    private readonly int[] _sourceStarts;

    private SourceMap(int[] textStarts, int[] sourceStarts)
    {
        _textStarts = textStarts;
        _sourceStarts = sourceStarts;
    }

    public int this[int textIndex]
    {
        get
        {
            int run = Array.BinarySearch(_textStarts, textIndex);
            run = run < 0 ? ~run - 1 : run;
            return _sourceStarts[run] + textIndex - _textStarts[run];
        }
    }

    /// <summary>Assembles a text and records where its slices came from.</summary>
    internal sealed class Builder(string source)
    {
        private readonly StringBuilder _text = new();
        private readonly List<int> _textStarts = [];
        private readonly List<int> _sourceStarts = [];

        /// <summary>The start in the source of the first nonempty slice; if all are empty, the start of the first one; -1 if there are none.</summary>
        public int Start { get; private set; } = -1;

        /// <summary>The end in the source of the last nonempty slice.</summary>
        public int End { get; private set; } = -1;

        public void Append(int start, int length)
        {
            if (length == 0)
            {
                if (Start < 0)
                {
                    Start = start;
                    End = start;
                }

                return;
            }

            if (_text.Length == 0)
            {
                Start = start;
            }

            if (_text.Length == 0 || start != End)
            {
                _textStarts.Add(_text.Length);
                _sourceStarts.Add(start);
            }

            _text.Append(source, start, length);
            End = start + length;
        }

        /// <summary>Returns the text with its map, and starts again.</summary>
        public (string Text, SourceMap Map) Take()
        {
            (string Text, SourceMap Map) result = (_text.ToString(), new SourceMap([.. _textStarts], [.. _sourceStarts]));
            _text.Clear();
            _textStarts.Clear();
            _sourceStarts.Clear();
            Start = -1;
            End = -1;
            return result;
        }
    }
}

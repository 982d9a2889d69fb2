using System.Text;

namespace StableDiffusion.Prompts;

/// <summary>Where each character of a text that was put together from slices of a source stood in that source.</summary>
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

    /// <summary>Puts a text together and remembers where its slices came from.</summary>
    internal sealed class Builder(string source)
    {
        private readonly StringBuilder _text = new();
        private readonly List<int> _textStarts = [];
        private readonly List<int> _sourceStarts = [];

        /// <summary>Where the first slice that is not empty starts in the source; if all are empty, the first one's start; -1 before any.</summary>
        public int Start { get; private set; } = -1;

        /// <summary>Where the last slice that is not empty ends in the source.</summary>
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

        /// <summary>Hands out the text and its map, and starts anew.</summary>
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

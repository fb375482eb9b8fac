//! How right is it? The five scores of the paper, and the readers of the data sets they are taken on.
